"""The package as user code meets it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import backfilld

SEMANTICS = Path(__file__).resolve().parents[4] / "shared" / "SEMANTICS.md"


def test_every_public_name_is_there_and_has_one_home() -> None:
    for name in backfilld.__all__:
        assert getattr(backfilld, name).__name__ == name
    assert sorted(backfilld.__all__) == backfilld.__all__
    with pytest.raises(AttributeError, match="no attribute 'Dagster'"):
        _ = backfilld.Dagster


def test_the_example_of_the_semantics_runs_as_it_stands() -> None:
    examples = re.findall(r"```python\n(.*?)```", SEMANTICS.read_text("utf-8"), re.DOTALL)
    (example,) = (text for text in examples if "from backfilld import" in text)
    names: dict[str, object] = {}
    exec(compile(example, "example", "exec"), names)
    events = names["events"]
    assert isinstance(events, backfilld.AssetDefinition)
    assert events.backfill_policy == backfilld.BackfillPolicy.single_run()
    assert [str(dep.asset_key) for dep in events.deps] == ["raw_events"]
    backfilld.Definitions(assets=[events]).validate()


def test_importing_the_package_loads_next_to_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules); import backfilld; "
        "print(*sorted(set(sys.modules) - before), file=sys.stdout)"
    )
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert [name for name in loaded.split() if name.startswith("backfilld")] == ["backfilld"]
    assert not {"cronsim", "dataclasses", "datetime", "inspect", "zoneinfo"} & set(loaded.split())


def test_the_package_needs_nothing_of_ours_nor_any_heavy_library() -> None:
    code = (
        "import sys, pkgutil, backfilld\n"
        "for name in backfilld.__all__: getattr(backfilld, name)\n"
        "import backfilld.manifest, backfilld.range_text\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    ).stdout
    foreign = set(loaded.split()) - set(sys.stdlib_module_names) - {"backfilld", "__main__"}
    assert not {
        name for name in foreign if "editable" not in name and not name.startswith(("_", "distutils"))
    }
