"""Every case of a folder of tables, judged."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from tests.conformance import mappings, partitions, rules
from tests.conformance.answers import Difference, Verdict, judged, shown
from tests.conformance.mappings import ComparedMapping
from tests.conformance.partitions import ComparedPartitions
from tests.conformance.plans import ComparedPlan
from tests.conformance.tables import Case, Table, cases

HEADINGS = ("", "cases", "agree", "explained", "disagree")

JUDGES: dict[Table, Callable[[Case], Verdict]] = {
    "partitions": lambda case: judged(ComparedPartitions(case), partitions.RULES),
    "mappings": lambda case: judged(ComparedMapping(case), mappings.RULES),
    "plans": lambda case: judged(ComparedPlan(case), rules.RULES),
}
SAYS: dict[str, str] = {
    **{rule.name: rule.says for rule in partitions.RULES},
    **{rule.name: rule.says for rule in mappings.RULES},
    **{rule.name: rule.says for rule in rules.RULES},
}


def verdicts(folder: Path) -> dict[Table, list[Verdict]]:
    """The verdict about each case, by table; tables that the folder lacks are left out."""
    return {
        table: [_verdict(judge, case) for case in cases(table, folder)]
        for table, judge in JUDGES.items()
        if cases(table, folder)
    }


def _verdict(judge: Callable[[Case], Verdict], case: Case) -> Verdict:
    try:
        return judge(case)
    except Exception as error:  # noqa: BLE001 - whatever a case breaks is its answer, and the others are judged.
        broken = Difference("crash", None, f"{type(error).__name__}: {error}")
        return Verdict(case["id"], "crashed", ((broken, None),))


def report(found: dict[Table, list[Verdict]]) -> Iterator[str]:
    """Each disagreement with both answers, then the agreements by class, line by line."""
    for table, judged_cases in found.items():
        for verdict in judged_cases:
            if not verdict.agrees:
                yield f"{table} {verdict.case_id}"
                yield from _both_answers(verdict)
    rows: list[tuple[str, ...]] = [HEADINGS]
    for table, judged_cases in found.items():
        by_family: dict[str, list[Verdict]] = defaultdict(list)
        for verdict in judged_cases:
            by_family[verdict.family].append(verdict)
        rows += [(table, *_counts(judged_cases))]
        rows += [(f"  {family}", *_counts(by_family[family])) for family in sorted(by_family)]
    yield from _table(rows)
    used = sorted({rule for judged_cases in found.values() for each in judged_cases for rule in each.rules})
    yield from (f"{rule}: {SAYS[rule]}" for rule in used)


def _both_answers(verdict: Verdict) -> Iterator[str]:
    for difference, rule in verdict.differences:
        of = f" of {', '.join(sorted(difference.assets))}" if difference.assets else ""
        yield f"  {difference.about}{of}: {rule or 'NOT EXPLAINED'}"
        yield f"    Dagster    {shown(difference.theirs)}"
        yield f"    backfilld  {shown(difference.ours)}"


def _counts(judged_cases: Sequence[Verdict]) -> tuple[str, str, str, str]:
    agree = sum(verdict.agrees for verdict in judged_cases)
    explained = Counter(
        " and ".join(verdict.rules) for verdict in judged_cases if verdict.explained and not verdict.agrees
    )
    disagree = len(judged_cases) - agree - explained.total()
    by_rule = ", ".join(f"{count} {rule}" for rule, count in explained.most_common())
    return str(len(judged_cases)), str(agree), by_rule or "-", str(disagree)


def _table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    listed = list(rows)
    widths = [max(len(row[column]) for row in listed) for column in range(len(HEADINGS))]
    for row in listed:
        numbers = "  ".join(cell.rjust(width) for cell, width in zip(row[1:3], widths[1:3], strict=True))
        yield f"{row[0].ljust(widths[0])}  {numbers}  {row[4].rjust(widths[4])}  {row[3]}".rstrip()
