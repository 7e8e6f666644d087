"""The user's code is found as Python would find it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backfilld.worker.code import import_code


@pytest.fixture(autouse=True)
def modules_and_path_as_before() -> Iterator[None]:
    modules, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def test_a_file_is_a_module_of_its_name_and_meets_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_code.py").write_text("ANSWER = 42\n")
    code = tmp_path / "code_of_user.py"
    code.write_text("from neighbour_of_code import ANSWER\n")
    module = import_code(str(code))
    assert module.ANSWER == 42
    assert sys.modules["code_of_user"] is module


def test_a_file_named_like_a_loaded_module_does_not_replace_it(tmp_path: Path) -> None:
    code = tmp_path / "json.py"
    code.write_text("ANSWER = 42\n")
    import json  # noqa: PLC0415 - it is about what is loaded

    assert import_code(str(code)).ANSWER == 42
    assert sys.modules["json"] is json


def test_a_module_is_found_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "package_of_user").mkdir()
    (tmp_path / "package_of_user" / "assets_of_user.py").write_text("ANSWER = 42\n")
    monkeypatch.chdir(tmp_path)
    assert import_code("package_of_user.assets_of_user").ANSWER == 42


@pytest.mark.parametrize("code", ["no_such_file.py", "folder/no_such_file.py", "no_such_module", "README/"])
def test_what_is_not_there_is_an_import_error(code: str) -> None:
    with pytest.raises(ImportError, match=r"no_such|README"):
        import_code(code)
