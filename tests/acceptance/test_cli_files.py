"""Exports on the command line: every reading command answers from a file as it does from the database."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.acceptance.house import Answer, House
from tests.acceptance.recorded import house_with
from tests.simulation.together import many_backfills

FORMS = ("all.jsonl", "all.parquet")
MOMENT = "600"
NOT_IN_A_FILE = {"daemon"}  # Whether one runs now, no file can tell.


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """What sixty backfills left, exported whole, in part and by selection; no daemon runs."""
    with house_with(many_backfills(60)) as house:
        first, second = ended(house)[:2]
        for arguments in (
            ("all.jsonl",),
            ("all.parquet",),
            ("later.jsonl", "--from", "500"),
            ("early.jsonl", "--to", MOMENT),
            ("two.jsonl", "--backfill", first, "--backfill", second),
            ("two.parquet", "--backfill", first, "--backfill", second),
        ):
            exported = house.call("export", *arguments)
            assert exported.status == 0, exported
        yield house


def ended(house: House) -> list[str]:
    """Backfills with runs, that had ended, newest first."""
    found = house.call("backfills", "--limit", "0", "-o", "json").value
    return [each["id"] for each in found if each["runs_total"] > 2 and each["ended_at"]]


def without(value: Any, names: set[str]) -> Any:  # noqa: ANN401 -- whatever JSON holds
    return (
        {name: each for name, each in value.items() if name not in names}
        if isinstance(value, dict)
        else value
    )


def told(answer: Answer) -> tuple[int, list[Any]]:
    """What a command answered, as values, but for what only the database can tell."""
    assert answer.status in {0, 1}, answer
    text = answer.out.strip()
    values = (
        [json.loads(text)] if text[:1] in "[{" and text[1:2] in "\n]}" else map(json.loads, text.splitlines())
    )
    return answer.status, [without(value, NOT_IN_A_FILE) for value in values]


def questions(house: House) -> Iterator[list[str]]:
    backfill = ended(house)[0]
    run = house.call("runs", "--backfill", backfill, "--limit", "1", "-o", "json").value[0]
    asset = run["assets"][0]
    moments: list[list[str]] = [[], ["--as-of", MOMENT]]
    for as_of in moments:
        yield ["status", *as_of]
        yield ["backfills", "--limit", "0", *as_of]
        yield ["runs", "--limit", "0", *as_of]
        yield ["assets", *as_of]
        yield ["assets", "--history", *as_of]
        yield ["partitions", asset, *as_of]
    yield ["status", backfill]
    yield ["run", run["id"]]
    yield ["explain", backfill]
    yield ["log", "--limit", "0"]
    yield ["log", "--backfill", backfill, "--limit", "0"]
    yield ["log", "--type", "RunFailed"]
    yield ["audit", asset]
    yield ["audit", "backfill", backfill]
    yield ["diff", "--from", MOMENT, "--to", "900"]
    yield ["diff", "--from", "1", "--to", "1500", "--asset", asset]
    yield ["replay", backfill]
    yield ["whatif", backfill, "--max-concurrent", "1"]
    yield ["plan", asset, "--all", "--estimate"]
    yield ["jobs"]
    yield ["pool", "list"]


def asked(house: House, question: Sequence[str], *file: str) -> tuple[int, list[Any]]:
    form = "jsonl" if question[0] in {"log", "replay"} else "json"
    found = told(house.call(*question, *file, "-o", form))
    assert found[1], question
    return found


@pytest.fixture(scope="module")
def answers(house: House) -> list[tuple[list[str], tuple[int, list[Any]]]]:
    """What the database answers to each question."""
    return [(question, asked(house, question)) for question in questions(house)]


@pytest.mark.parametrize("file", FORMS)
def test_every_reading_command_answers_from_the_file_as_from_the_database(
    house: House, answers: list[tuple[list[str], tuple[int, list[Any]]]], file: str
) -> None:
    for question, answer in answers:
        assert asked(house, question, "--file", file) == answer, question


@pytest.mark.parametrize("file", ["two.jsonl", "two.parquet"])
def test_a_selection_tells_all_of_its_backfills(house: House, file: str) -> None:
    first, second = ended(house)[:2]
    listed = house.call("backfills", "--file", file, "-o", "json").value
    assert [each["id"] for each in listed] == [first, second]
    for question in (
        ["status", first],
        ["audit", "backfill", second],
        ["log", "--backfill", first, "--limit", "0"],
        ["runs", "--backfill", second],
        ["replay", first],
        ["explain", first],
        ["diff", "--from", "1", "--to", str(last_position(house, first)), "--backfill", first],
        ["partitions", "list", "tenants"],
    ):
        from_file, from_log = (house.call(*question, *where) for where in (("--file", file), ()))
        if question[0] == "audit":  # Its last line names the end of what it was made from.
            assert from_file.out.splitlines()[:10] == from_log.out.splitlines()[:10]
        else:
            assert (from_file.status, from_file.out) == (from_log.status, from_log.out), question


def last_position(house: House, backfill_id: str) -> int:
    (last,) = house.call("log", "--backfill", backfill_id, "--limit", "1", "-o", "json").value
    position: int = last["position"]
    return position


@pytest.mark.parametrize(
    "question",
    [
        ["assets"],
        ["partitions", "asset_0"],
        ["audit", "asset_0"],
        ["plan", "asset_0", "--all"],
        ["pool", "list"],
        ["diff", "--from", "1"],
    ],
)
def test_what_a_selection_cannot_tell_it_does_not_tell(house: House, question: list[str]) -> None:
    first, second = ended(house)[:2]
    status, out, err = house.call(*question, "--file", "two.jsonl")
    assert (status, out) == (3, "")
    assert "A selection does not show " in err
    assert f"of other backfills than {first}, {second}." in err


@pytest.mark.parametrize("question", [["status"], ["assets"], ["backfills"], ["jobs"], ["explain", "s0xb1"]])
def test_of_a_part_without_its_beginning_only_the_facts_are_told(house: House, question: list[str]) -> None:
    status, out, err = house.call(*question, "--file", "later.jsonl")
    assert (status, out) == (3, "")
    assert err.splitlines()[1] == (
        "Later.jsonl begins at position 500, and without what was before nothing can be told: only `log` and "
        "`verify` read such a part."
    )
    facts = house.call("log", "--from", "498", "--limit", "3", "--file", "later.jsonl", "-o", "json").value
    assert [fact["position"] for fact in facts] == [500, 501, 502]


def test_a_part_from_the_beginning_tells_what_was_then(house: House) -> None:
    early = house.call("backfills", "--limit", "0", "--file", "early.jsonl", "-o", "json")
    then = house.call("backfills", "--limit", "0", "--as-of", MOMENT, "-o", "json")
    assert early.value == then.value


CHANGES = [
    ["launch", "asset_0", "--all"],
    ["retry", "s0xb1"],
    ["cancel", "s0xb1"],
    ["pause", "s0xb1"],
    ["resume", "s0xb1"],
    ["amend", "s0xb1", "--priority", "3"],
    ["run", "cancel", "s0xb1-1-1"],
    ["pool", "set", "api", "--slots", "3"],
    ["partitions", "add", "tenants", "a"],
    ["partitions", "remove", "tenants", "a"],
    ["up", "shop.py"],
    ["reload"],
    ["demo"],
    ["doctor"],
    ["import", "all.jsonl"],
    ["export", "other.jsonl"],
    ["projections", "check"],
    ["projections", "rebuild"],
]


@pytest.mark.parametrize("change", CHANGES, ids=" ".join)
def test_nothing_is_done_to_a_file(house: House, change: list[str]) -> None:
    sentence = "This is done to the log itself, and a file is read only: leave --file out.\n"
    assert house.call(*change, "--file", "all.jsonl") == (2, "", sentence)


def test_a_file_and_a_database_cannot_both_be_read(house: House) -> None:
    status, out, err = house.call("status", "--file", "all.jsonl", "--home", "home")
    assert (status, out) == (2, "")
    assert err == "--file is read in place of a database: leave --home and --database out, or --file.\n"


def test_status_says_that_it_is_of_a_file_and_of_when(house: House) -> None:
    status, out, err = house.call("status", "--file", "all.jsonl")
    (count,) = [house.call("verify", "all.jsonl", "-o", "json").value["facts"]]
    assert status == 0
    assert err.startswith("From all.jsonl, exported at ")
    assert err.endswith(f" UTC: {count:,} facts.\n")
    assert f"which ones still ran is not on record. The log had {count:,} facts." in out


def test_an_export_goes_through_a_pipe(house: House) -> None:
    lines = house.call("export", "-").out.encode()
    (house.folder / "piped.jsonl").write_bytes(lines)
    piped, direct = (house.call("verify", name, "-o", "json").value for name in ("piped.jsonl", "all.jsonl"))
    assert without(piped, {"file"}) == without(direct, {"file"})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["all.jsonl"], "There is a file all.jsonl already; --force writes over it."),
        (["all.txt"], "The file all.txt does not say by its ending what it is to be: .jsonl"),
        (["nowhere/x.jsonl"], "The file nowhere/x.jsonl cannot be written: No such file or directory"),
        (["x.jsonl", "--from", "9000000"], "There are no facts 9,000,000 to "),
        (["x.jsonl", "--from", "9", "--to", "8"], "There are no facts 9 to 8 in the log"),
        (["x.jsonl", "--backfill", "nope"], "There is no backfill nope;"),
        (["x.jsonl", "--backfill", "s0xb1", "--from", "3"], "--backfill says which facts are wanted"),
    ],
)
def test_an_export_that_cannot_be_made_leaves_nothing(
    house: House, arguments: list[str], sentence: str
) -> None:
    before = sorted(path.name for path in house.folder.iterdir())
    status, out, err = house.call("export", *arguments)
    assert status in {2, 3}
    assert out == ""
    assert err.startswith(sentence)
    assert sorted(path.name for path in house.folder.iterdir()) == before


def test_a_changed_file_is_told_with_its_place_and_exits_with_1(house: House) -> None:
    text = (house.folder / "all.jsonl").read_bytes()
    lines = text.splitlines(keepends=True)
    changed = house.folder / "changed.jsonl"
    changed.write_bytes(text.replace(lines[17], lines[17].replace(b'"actor":"', b'"actor":"x')))
    status, out, _ = house.call("verify", "changed.jsonl")
    assert status == 1
    assert out.startswith("changed.jsonl is not as it was written. line 18, position 17: ")
    refused = house.call("import", "changed.jsonl", "--home", "never")
    assert refused.status == 1
    assert "and nothing was imported. line 18: " in refused.err
    changed.write_bytes(text.replace(b'"count":', b'"count":1', 1))
    assert house.call("verify", "changed.jsonl") == (
        1,
        "",
        "The file changed.jsonl is not as it was written: its first line was changed.\n",
    )


def test_only_a_whole_log_goes_into_an_empty_one(house: House) -> None:
    status, _, err = house.call("import", "later.jsonl", "--home", "never")
    assert (status, err.split(", and nothing was imported")[0]) == (3, "Later.jsonl begins at position 500")
    status, _, err = house.call("import", "two.jsonl", "--home", "never")
    assert (status, err.split(", and nothing was imported")[0]) == (3, "Two.jsonl is a selection")
    status, _, err = house.call("import", "all.jsonl")
    assert status == 3
    assert err == "The log is not empty, and nothing was imported: name a database without one.\n"


def test_anchors_hold_files_and_the_log_to_what_they_were(house: House) -> None:
    saved = house.call("log", "verify", "--save-anchor", "anchor.json")
    assert saved.status == 0
    assert "The anchor is in anchor.json: keep it elsewhere." in saved.out
    assert house.call("log", "verify", "--since-anchor", "anchor.json", "-o", "json").value["intact"]
    for name in (*FORMS, "later.jsonl"):
        assert house.call("verify", name, "--anchor", "anchor.json", "-o", "json").value["anchored"]
    outside = house.call("verify", "early.jsonl", "--anchor", "anchor.json", "-o", "json").value
    assert (outside["intact"], outside["anchored"]) == (True, None)
    nowhere = house.call("log", "verify", "--save-anchor", "no/such/anchor.json")
    assert (nowhere.status, "anchor.json cannot be written: No such file" in nowhere.err) == (3, True)
    anchor = house.folder / "anchor.json"
    other = json.loads(anchor.read_text())
    other["backfilld_anchor"]["digest"] = "f" * 64
    anchor.write_text(json.dumps(other))
    for arguments in (
        ("verify", "all.jsonl", "--anchor", "anchor.json"),
        ("verify", "later.jsonl", "--anchor", "anchor.json"),
        ("log", "verify", "--since-anchor", "anchor.json"),
    ):
        assert house.call(*arguments).status == 1
