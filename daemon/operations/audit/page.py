"""The page about a backfill, in words: what its account says, section by section."""

from collections.abc import Iterator
from datetime import datetime

from daemon.fact_text import amendments, counted, ranges_text
from daemon.operations.audit.document import Block, Cell, Note, Page, Pairs, Section, Table
from daemon.time_text import duration_text
from events.facts import Cause, Failure, PartitionKeys
from projections.audit.account import BackfillAccount, Failed, Intervened, RunCosts

TEXT_SHOWN_MAX = 400  # characters of an error
NO_VERSION_TEXT = "(none declared)"


def page_of(account: BackfillAccount) -> Page:
    """The page; nothing of user code's texts in it is escaped yet."""
    asking = account.asking
    why = f", because: {asking.reason}" if asking.reason else ""
    return Page(
        title=f"Backfill {account.backfill_id}",
        status=account.status,
        lead=f"{' '.join(asking.selection)}, {asking.partitions_text}, asked for by {asking.by} on "
        f"{second(asking.at)} UTC{why}",
        sections=(
            Section("Request", (request(account),)),
            Section("Plan", tuple(plan(account))),
            Section("Changes under way", (interventions(account),)),
            Section("Outcome", (outcome(account),)),
            Section("Timeline (UTC)", (timeline(account),)),
            Section("Time", (times(account.costs), time_by_asset(account))),
            Section("Failures", tuple(failures(account))),
            Section("Who did what", (actors(account),)),
            Section("Code", tuple(code(account))),
            Section("Proof", tuple(proof(account))),
        ),
    )


def request(account: BackfillAccount) -> Pairs:
    """What was asked for, by whom and why."""
    asking = account.asking
    return Pairs(
        (
            ("Asked for by", asking.by),
            ("When", f"{second(asking.at)} UTC"),
            ("Why", asking.reason or "no reason was given"),
            ("Assets", " ".join(asking.selection)),
            ("Partitions", asking.partitions_text),
            ("Partitions as of", asking.partitions_as_of),
            ("Retry of", asking.parent_backfill_id),
            ("Runs at a time", asking.max_concurrent_runs or "no limit of its own"),
            ("Order", asking.order.replace("_", " ")),
            ("Priority", asking.priority),
            ("Only between", asking.only_between),
            ("Tags", ", ".join(f"{name}={value}" for name, value in asking.tags.items()) or None),
        )
    )


def plan(account: BackfillAccount) -> Iterator[Block]:
    """Which runs were planned, and what was left out."""
    yield Pairs((("Digest", account.plan_digest), ("Runs", account.runs_planned)))
    yield Table(
        ("Assets", "Partitions", "Policy", "Runs", "Code location"),
        tuple(
            (
                ", ".join(each.assets),
                keys_text(each.partitions),
                each.policy or "no partitions",
                each.runs_total,
                each.code_location,
            )
            for each in account.planned
        ),
    )
    told = [f"{asset}: selected, and nothing of it planned" for asset in account.left_out]
    for asset, each in account.assets.items():
        if each.existing is not None and each.existing > each.counts.targeted:
            rest = each.existing - each.counts.targeted
            told.append(f"{asset}: {rest:,} of its {counted(each.existing, 'partition')}")
    yield Note(f"Left out: {'; '.join(told)}." if told else "Nothing that was selected was left out.")


def interventions(account: BackfillAccount) -> Block:
    """Who paused, amended or canceled it, and why."""
    if not account.interventions:
        return Note("Nobody changed its course.")
    return Table(
        ("When (UTC)", "Who", "What", "Why", "Position"),
        tuple(
            (second(each.at), each.by, change_text(each), each.reason or "", each.position)
            for each in account.interventions
        ),
    )


def change_text(each: Intervened) -> str:
    """What was changed."""
    if each.change is not None:
        return f"amended: {amendments(each.change)}"
    return f"run {each.run_id} canceled" if each.run_id is not None else each.what


def outcome(account: BackfillAccount) -> Table:
    """What came of each asset."""
    return Table(
        ("Asset", "Asked", "Filled", "Failed", "Skipped", "Canceled", "Left", "First filled", "Last filled"),
        tuple(
            (
                asset,
                *(each.counts.targeted, each.counts.materialized, each.counts.failed),
                *(each.counts.skipped, each.counts.canceled),
                each.counts.waiting + each.counts.in_progress,
                *(maybe_second(each.first_filled_at), maybe_second(each.last_filled_at)),
            )
            for asset, each in account.assets.items()
        ),
    )


def timeline(account: BackfillAccount) -> Table:
    """What happened when, and how long after the request."""
    return Table(
        ("When", "After", "What", "Position"),
        tuple(
            (
                f"{each.at:%Y-%m-%d %H:%M:%S.%f}"[:-3],
                duration_text(max((each.at - account.asking.at).total_seconds(), 0.0)),
                each.what,
                each.position,
            )
            for each in account.timeline
        ),
    )


def times(costs: RunCosts) -> Pairs:
    """What it cost in time and in runs."""
    ends = (
        (costs.succeeded, "succeeded"),
        (costs.failed, "failed"),
        (costs.timed_out, "of these timed out"),
        (costs.canceled, "canceled"),
        (costs.lost, "lost"),
        (costs.under_way, "under way"),
    )
    ended = ", ".join(f"{count:,} {word}" for count, word in ends if count)
    mean = "" if costs.concurrency_mean is None else f", {costs.concurrency_mean:g} on average"
    return Pairs(
        (
            ("From the request to the end", duration_text(costs.wall_s)),
            ("Waiting for the first launch", maybe_duration(costs.waiting_s)),
            ("Paused", maybe_duration(costs.paused_s or None)),
            ("In runs", duration_text(costs.run_s)),
            ("A run, median", maybe_duration(costs.duration_median_s)),
            ("A run, 9 of 10 within", maybe_duration(costs.duration_90_percent_s)),
            ("A run, at most", maybe_duration(costs.duration_max_s)),
            ("Runs at a time", f"{costs.concurrency_peak:,} at most{mean}"),
            ("Runs launched", f"{costs.launched:,}: {ended}" if ended else costs.launched),
            ("Further attempts among them", costs.retries),
        )
    )


def time_by_asset(account: BackfillAccount) -> Table:
    """Into which asset the time of the runs went."""
    total = sum(each.run_s for each in account.assets.values())
    return Table(
        ("Asset", "In runs", "Share"),
        tuple(
            (asset, duration_text(each.run_s), f"{each.run_s / total:.0%}" if total else "")
            for asset, each in account.assets.items()
        ),
    )


def failures(account: BackfillAccount) -> Iterator[Block]:
    """The attempts that failed, and what was skipped for it."""
    if not account.failures_total:
        yield Note("No attempt failed.")
    else:
        by_type = ", ".join(f"{count:,} {name}" for name, count in account.failures_by_type.items())
        yield Note(f"{counted(account.failures_total, 'failure')}: {by_type}.")
        yield Table(
            ("When (UTC)", "Run", "Attempt", "What", "Error", "In the end"),
            tuple(
                (
                    *(second(each.at), each.run_id, each.attempt),
                    f"{each.asset or 'the run'} {keys_text(each.partitions)}".strip(),
                    failure_text(each.failure),
                    end_text(each),
                )
                for each in account.failures
            ),
        )
        yield from more(account.failures_total - len(account.failures), "failure", account)
    if account.skips_total:
        yield Table(
            ("Skipped", "Partitions", "Because"),
            tuple(
                (each.asset, keys_text(each.partitions), causes_text(each.causes)) for each in account.skips
            ),
        )
        yield from more(account.skips_total - len(account.skips), "skip", account)


def more(count: int, noun: str, account: BackfillAccount) -> Iterator[Note]:
    """That there is more than the page shows."""
    if count > 0:
        yield Note(f"{counted(count, noun)} more: backfilld log --backfill {account.backfill_id} shows all.")


def end_text(failed: Failed) -> str:
    """What became of the partitions after all."""
    count = 1 if failed.partitions is None else failed.partitions.count
    match failed.filled_later:
        case None:
            return ""
        case 0:
            return "not filled"
        case filled if filled >= count:
            return "filled by another attempt"
        case filled:
            return f"{filled:,} of {count:,} filled"


def failure_text(failure: Failure) -> str:
    """The error, cut where it is long."""
    text = f"{failure.type}: {failure.message}" if failure.message else failure.type
    return text if len(text) <= TEXT_SHOWN_MAX else f"{text[: TEXT_SHOWN_MAX - 1]}…"


def causes_text(causes: tuple[Cause, ...]) -> str:
    """The chain, nearest first."""
    return "; ".join(f"{each.asset} {keys_text(each.partitions)} {each.reason}" for each in causes)


def actors(account: BackfillAccount) -> Table:
    """Who said what, and how often."""
    return Table(
        ("Who", "Facts", "Which"),
        tuple(
            (actor, sum(counts.values()), ", ".join(f"{count:,} {name}" for name, count in counts.items()))
            for actor, counts in account.actors.items()
        ),
    )


def code(account: BackfillAccount) -> Iterator[Block]:
    """Which code it was planned with, and which filled what."""
    digests = dict.fromkeys([*account.manifests.values(), *account.manifests_run])
    yield Table(
        ("Manifest", "Planned for", "Runs launched with it"),
        tuple(
            (
                digest,
                ", ".join(name for name, planned in account.manifests.items() if planned == digest),
                account.manifests_run.get(digest, 0),
            )
            for digest in digests
        ),
    )
    rows: list[tuple[Cell, ...]] = [
        (asset, version or NO_VERSION_TEXT, count)
        for asset, each in account.assets.items()
        for version, count in each.code_versions.items()
    ]
    if rows:
        yield Table(("Asset", "Code version", "Partitions filled"), tuple(rows))


def proof(account: BackfillAccount) -> Iterator[Block]:
    """Where it stands in the log."""
    kept = account.proof
    yield Pairs(
        (
            ("Facts about it", kept.facts),
            ("At positions", f"{kept.first_position:,} to {kept.last_position:,}"),
            ("The log's head", kept.head),
            ("The head's digest", kept.head_digest),
        )
    )
    if kept.head_digest is not None:
        yield Note(
            "The digest is the hash of the fact at the head and of the hash before it, and so covers every "
            "fact up to there: backfilld log verify works out all of them anew."
        )


def keys_text(keys: PartitionKeys | None) -> str:
    """The first few ranges, and how many partitions there are."""
    return "" if keys is None else ranges_text(keys)


def second(at: datetime) -> str:
    """A time to the second."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def maybe_second(at: datetime | None) -> str | None:
    """A time to the second, if there is one."""
    return None if at is None else second(at)


def maybe_duration(seconds: float | None) -> str | None:
    """A duration in the unit that fits, if there is one."""
    return None if seconds is None else duration_text(seconds)
