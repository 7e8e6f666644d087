"""The rules of the house hold in every file, and every rule is seen to find what it is for."""

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from backfilld.version import VERSION
from tests.tidy import rules
from tests.tidy.documents import broken_links
from tests.tidy.rules import RULES, Rule
from tests.tidy.sources import ROOT, Source, python_sources, repository_files

BROKEN: dict[Rule, str] = {
    rules.files_are_short: "x = 1\n" * 501,
    rules.functions_are_short: '"""M."""\ndef f():\n' + "    x = 1\n" * 70,
    rules.what_is_public_is_described: '"""M."""\nclass A:\n    """A."""\n    def f(self): ...\n',
    rules.names_say_what_they_mean: "class RunManager: ...\n",
    rules.tasks_have_owners: "import asyncio\nasyncio.create_task(f())\n",
    rules.nothing_swallows_everything: "def f():\n    try: g()\n    except (ValueError, Exception): pass\n",
    rules.time_is_given: "import datetime\nx = datetime.datetime.now()\n",
    rules.nothing_is_left_unfinished: "x = 1  # T0D0 later\n".replace("0", "O"),
    rules.tests_always_run: "import pytest\n@pytest.mark.sk_ip\ndef test_x(): ...\n".replace("_ip", "ip"),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_holds_everywhere(rule: Rule) -> None:
    found = [f"{source.path}:{finding}" for source in python_sources() for finding in rule(source)]
    assert not found, "\n".join([rule.__doc__ or "", *found])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_finds_what_it_is_for(rule: Rule) -> None:
    assert list(rule(Source("daemon/x.py", BROKEN[rule])))
    assert not list(rule(Source("daemon/x.py", '"""A module."""\n')))


@pytest.mark.parametrize(
    "text",
    [
        "def f(data): ...",
        "data = 1",
        "def process(): ...",
        "import x.y as manager\nmanager = 1",
        "class X:\n    run_helpers: int",
    ],
)
def test_vague_names_are_found_wherever_they_are_bound(text: str) -> None:
    assert list(rules.names_say_what_they_mean(Source("daemon/x.py", text)))


@pytest.mark.parametrize(
    "text",
    [
        "try: f()\nexcept: pass",
        "try: f()\nexcept BaseException: raise",
        "import contextlib\nwith contextlib.suppress(Exception): f()",
    ],
)
def test_every_way_of_catching_everything_is_found(text: str) -> None:
    assert list(rules.nothing_swallows_everything(Source("daemon/x.py", text)))


@pytest.mark.parametrize(
    "text", ["from time import sleep", "import time\ntime.time()", "import pendulum\npendulum.now('UTC')"]
)
def test_every_way_of_reading_the_clock_is_found(text: str) -> None:
    assert list(rules.time_is_given(Source("events/x.py", text)))


def test_no_exception_to_a_rule_outlives_its_need() -> None:
    sources = python_sources()
    catching = {
        (source.path, function) for source in sources for _, function in rules.catches_everything(source)
    }
    assert set(rules.SUPERVISION_BOUNDARIES) <= catching
    for prefix in rules.CLOCKS:
        assert any(
            source.path.startswith(prefix) and list(rules.clock_readings(source)) for source in sources
        ), f"{prefix} reads no clock"
    for prefix in rules.DATA_IS_MEANT:
        assert any(
            source.path.startswith(prefix) and "data" in {name for _, name in rules.bound_names(source.tree)}
            for source in sources
        ), f"{prefix} binds no such name"


def test_no_registry_host_or_machine_path_stands_in_a_file() -> None:
    found = []
    for path in repository_files():
        text = path.read_bytes().decode("utf-8", "replace")
        for number, line in enumerate(text.splitlines(), 1):
            if rules.REGISTRY_OR_MACHINE.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:90]}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text", ["https://pypi_org/simple".replace("_", "."), "open('/w_rk/x')".replace("_", "o")]
)
def test_a_registry_host_or_machine_path_would_be_found(text: str) -> None:
    assert rules.REGISTRY_OR_MACHINE.search(text)


def test_links_between_documents_lead_somewhere() -> None:
    documents = [path for path in repository_files() if path.suffix == ".md"]
    assert len(documents) >= 3
    broken = [f"{path.relative_to(ROOT)}: {link}" for path in documents for link in broken_links(path)]
    assert not broken, "\n".join(broken)


def test_a_broken_link_would_be_found(tmp_path: Path) -> None:
    document = tmp_path / "a.md"
    document.write_text(
        "# One two\n[x](#one-two) [y](#three) [z](b.md) `[code](c.md)` [w](https://example.org)\n"
    )
    assert list(broken_links(document)) == ["#three: no such heading", "b.md does not exist"]


def test_the_changelog_keeps_its_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    releases = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert releases
    assert releases[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", release) for release in releases[1:])
    sections = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert sections <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_a_released_migration_is_never_edited() -> None:
    released = released_migrations((ROOT / "tests/released_migrations.txt").read_text("utf-8"))
    assert edited_migrations(ROOT, released) == []
    releases = re.findall(r"^## \[(\d\S+)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert bool(releases) == bool(released), "a release lists its migrations in tests/released_migrations.txt"


def test_an_edited_or_removed_migration_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "0001.py").write_text("x = 1\n")
    digest = hashlib.sha256(b"x = 1\n").hexdigest()
    listed = f"# a comment\n{digest}  0001.py\n{digest}  0002.py\n"
    assert edited_migrations(tmp_path, released_migrations(listed)) == ["0002.py"]
    (tmp_path / "0001.py").write_text("x = 2\n")
    assert edited_migrations(tmp_path, released_migrations(listed)) == ["0001.py", "0002.py"]


def released_migrations(listed: str) -> dict[str, str]:
    """Path -> SHA-256 of each line that is no comment."""
    pairs = (line.split() for line in listed.splitlines() if line and not line.startswith("#"))
    return {path: digest for digest, path in pairs}


def edited_migrations(root: Path, released: dict[str, str]) -> list[str]:
    """The released migrations that are gone or are not what they were."""
    return [
        path
        for path, digest in released.items()
        if not (root / path).is_file() or hashlib.sha256((root / path).read_bytes()).hexdigest() != digest
    ]


def test_versions_agree() -> None:
    daemon, sdk = (
        tomllib.loads((ROOT / path).read_text("utf-8"))["project"]
        for path in ("pyproject.toml", "sdk/pyproject.toml")
    )
    assert daemon["version"] == VERSION
    assert daemon["requires-python"] == sdk["requires-python"]
