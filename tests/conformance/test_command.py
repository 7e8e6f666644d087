"""`python -m tests.conformance FOLDER`: any tables of the format are judged, and the exit code tells."""

import json
from pathlib import Path

import pytest

from tests.conformance.__main__ import main
from tests.conformance.tables import SHARED, Case, Table, cases


def folder_with(path: Path, **tables: list[Case]) -> str:
    for table, listed in tables.items():
        (path / f"{table}.json").write_text(json.dumps({"oracle": "dagster 1.13.27", "cases": listed}))
    return str(path)


def case(table: Table, case_id: str) -> Case:
    return next(each for each in cases(table) if each["id"] == case_id)


def test_the_shared_tables_are_explained_throughout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert "NOT EXPLAINED" not in printed
    assert f"partitions {len(cases('partitions'))}" in " ".join(printed.split())
    assert SHARED.is_dir()


def test_a_folder_may_have_one_table_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid, chain = case("plans", "core-grid-single-run"), case("plans", "core-chain")
    assert main([folder_with(tmp_path, plans=[grid, chain])]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["plans core-grid-single-run", "  runs of a: fewest boxes"]
    assert lines[-2].split() == ["core", "2", "1", "0", "1", "fewest", "boxes"]
    assert lines[-1].startswith("fewest boxes: ")


def test_what_no_rule_explains_is_shown_with_both_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {**case("plans", "core-chain"), "targets": {"a": ["2024-01-01"]}}
    assert main([folder_with(tmp_path, plans=[wrong])]) == 1
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("  targets of a: NOT EXPLAINED")
    assert lines[at + 1].split()[0] == "Dagster"
    assert lines[at + 1].split()[1:] == ["2024-01-01"]
    assert lines[at + 2].split()[0] == "backfilld"
    assert len(lines[at + 2].split()) > 2


def test_a_case_that_crashes_us_is_a_disagreement_and_the_others_are_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = case("plans", "core-chain")
    broken = {**chain, "id": "core-broken", "assets": None}
    assert main([folder_with(tmp_path, plans=[broken, chain])]) == 1
    printed = capsys.readouterr().out
    assert "  crash: NOT EXPLAINED" in printed
    assert "TypeError" in printed
    assert "plans core-chain" not in printed


def test_explained_cases_are_listed_as_the_test_has_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid, chain = case("plans", "core-grid-single-run"), case("plans", "core-chain")
    assert main([folder_with(tmp_path, plans=[grid, chain]), "--explained"]) == 0
    assert capsys.readouterr().out == '    "core-grid-single-run": ("fewest boxes",),\n'


def test_a_folder_without_tables_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "has none of partitions.json, mappings.json and plans.json" in capsys.readouterr().err
