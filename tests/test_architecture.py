"""What may know what: layers, the SDK alone, no user code in the daemon, a pure core, one union of facts."""

import ast
import importlib.metadata
import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from typing import get_args

import msgspec
import pytest
from importlinter.cli import lint_imports

from events import facts
from tests.tidy.sources import ROOT, Source, dotted, imported_modules, python_sources

# Modules of which nothing but plain values goes in and comes out.
PURE = re.compile(
    r"events/(facts|envelope|codec|upcast|canonical)\.py"
    r"|daemon/(plan|amending|commands|decide|whatif)(\.py|/.*)"
    r"|projections/(?!tables|projector|postgres).*"
)
IMPURE_MODULES = re.compile(
    r"(anyio|asyncio|asyncpg|logging|os|pathlib|psycopg|random|secrets|shutil|signal|socket|sqlalchemy|structlog"
    r"|subprocess|tempfile|threading|time)(\..*)?"
)
RUNS_CODE = frozenset(
    {"exec", "eval", "__import__", "import_module", "run_path", "run_module", "spec_from_file_location"}
)
# The demo's pipeline is user code that we ship: only worker processes and tests import it.
USER_CODE = "daemon.demo.pipeline"

IMPORTS_ONLY_WHAT_THE_SDK_NEEDS = """
import importlib, importlib.abc, pkgutil, sys

allowed = set(sys.argv[1:]) | set(sys.stdlib_module_names)

class Refusal(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in allowed:
            raise ImportError(f"{name} is not among what the SDK may need")

sys.meta_path.insert(0, Refusal())
import backfilld
names = [m.name for m in pkgutil.walk_packages(backfilld.__path__, "backfilld.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""


def test_imports_go_one_way(capsys: pytest.CaptureFixture[str]) -> None:
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == 0, capsys.readouterr().out


def test_the_layers_are_those_of_the_design() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    assert {"daemon", "projections", "events"} == set(contracts[0]["layers"])
    assert contracts[0]["layers"] == ["daemon", "projections", "events"]
    forbidden = {
        (module, no)
        for c in contracts
        if c["type"] == "forbidden"
        for module in c["source_modules"]
        for no in c["forbidden_modules"]
    }
    assert forbidden >= {
        ("events", "backfilld"),
        *(("backfilld", package) for package in ("events", "projections", "daemon")),
    }


def importable_names(distribution: str) -> set[str]:
    """Top-level modules of a distribution and of all it needs, as installed here."""
    names = {
        name
        for name, owners in importlib.metadata.packages_distributions().items()
        if any(normal(owner) == normal(distribution) for owner in owners)
    }
    for requirement in importlib.metadata.requires(distribution) or []:
        if "extra ==" not in requirement:
            names |= importable_names(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0])
    return names


def normal(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_sdk_needs_only_pendulum_and_a_cron_library() -> None:
    declared = tomllib.loads((ROOT / "sdk/pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert {re.split(r"[^a-z]", requirement)[0] for requirement in declared} == {"pendulum", "cronsim"}
    allowed = {"backfilld", *importable_names("pendulum"), *importable_names("cronsim")}
    assert {"pendulum", "cronsim"} <= allowed
    imported = subprocess.run(
        [sys.executable, "-c", IMPORTS_ONLY_WHAT_THE_SDK_NEEDS, *sorted(allowed)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert imported.returncode == 0, imported.stderr
    assert int(imported.stdout) > 0


def test_what_the_sdk_may_not_need_would_be_refused() -> None:
    refused = subprocess.run(
        [sys.executable, "-c", IMPORTS_ONLY_WHAT_THE_SDK_NEEDS.replace("import backfilld", "import msgspec")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "msgspec is not among what the SDK may need" in refused.stderr


def test_the_daemon_never_imports_user_code() -> None:
    daemon = [
        source
        for source in python_sources()
        if source.path.startswith(("daemon/", "events/", "projections/"))
    ]
    assert daemon
    found = [f"{source.path}:{finding}" for source in daemon for finding in running_foreign_code(source)]
    assert not found, "\n".join(found)


def running_foreign_code(source: Source) -> Iterator[str]:
    """Places that run code found at run time, or import the demo's pipeline."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            name = dotted(node.func).split(".")[-1]
            if name in RUNS_CODE and not (name in {"exec", "eval"} and isinstance(node.func, ast.Attribute)):
                yield f"{node.lineno}: {name}()"
    for line, module in imported_modules(source):
        if module == USER_CODE or module.split(".")[0] in {"runpy", "imp"}:
            yield f"{line}: import of {module}"


@pytest.mark.parametrize(
    "text",
    [
        "import importlib\nimportlib.import_module(name)",
        "exec(text)",
        "from daemon.demo import pipeline",
        "import runpy",
        "__import__(name)",
    ],
)
def test_importing_user_code_would_be_found(text: str) -> None:
    assert list(running_foreign_code(Source("daemon/x.py", text)))


def test_the_demo_pipeline_is_what_a_user_could_write() -> None:
    source = next(source for source in python_sources() if source.path == "daemon/demo/pipeline.py")
    tops = {module.split(".")[0] for _, module in imported_modules(source)}
    assert tops <= {"backfilld", *sys.stdlib_module_names}
    assert "backfilld" in tops


def test_the_core_is_pure() -> None:
    core = [source for source in python_sources() if PURE.fullmatch(source.path)]
    assert {"events/facts.py", "events/codec.py"} <= {source.path for source in core}
    found = [f"{source.path}:{finding}" for source in core for finding in impurities(source)]
    assert not found, "\n".join(found)


def impurities(source: Source) -> Iterator[str]:
    """Waiting, and imports through which a clock, chance, a file or a database would come in."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await):
            yield f"{node.lineno}: waits"
    for line, module in imported_modules(source):
        if IMPURE_MODULES.fullmatch(module):
            yield f"{line}: import of {module}"


@pytest.mark.parametrize("text", ["async def f(): ...", "import time", "from sqlalchemy import select"])
def test_an_impurity_would_be_found(text: str) -> None:
    assert list(impurities(Source("daemon/plan.py", text)))


def declared_facts() -> dict[str, type[msgspec.Struct]]:
    """Every struct of `events.facts` that has a schema number of its own."""
    return {
        name: fact
        for name, fact in inspect.getmembers(facts, inspect.isclass)
        if issubclass(fact, msgspec.Struct) and fact.__module__ == facts.__name__ and "schema" in vars(fact)
    }


def test_every_fact_is_in_the_union() -> None:
    assert set(get_args(facts.Fact)) == set(declared_facts().values())


def test_every_fact_is_frozen_and_has_a_schema_number() -> None:
    for name, fact in declared_facts().items():
        assert fact.__struct_config__.frozen, name
        assert vars(fact)["schema"] >= 1, name


def test_every_fact_is_explained() -> None:
    documents = [ROOT / "docs/glossary.md", ROOT / "docs/log.md"]
    text = "\n".join(path.read_text("utf-8") for path in documents if path.exists())
    missing = [name for name in declared_facts() if f"`{name}`" not in text]
    assert not missing
