"""The user's code: a file or a module, imported once."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def import_code(code: str) -> ModuleType:
    """The module that ``code`` names: a path to a Python file, or a module's dotted name.

    The folder of the file (of a module: the working directory) is put in front of the import path, as when
    Python runs it. A file's module is named as the file is, unless a module of that name is loaded already.

    :raises ImportError: there is no such file or module.
    """
    if not _is_path(code):
        sys.path.insert(0, str(Path.cwd()))
        return importlib.import_module(code)
    path = Path(code).resolve()
    if not path.is_file():
        raise ImportError(f"expected a Python file or a module's name, found no file {str(path)!r}")
    sys.path.insert(0, str(path.parent))
    name = path.stem if path.stem not in sys.modules else f"{path.stem}_of_user"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"expected a Python file (.py), found {str(path)!r}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _is_path(code: str) -> bool:
    return code.endswith(".py") or "/" in code
