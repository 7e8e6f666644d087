"""The command line by address: the same words and exit codes as with the database, for all it can do."""

import json
import re
from collections.abc import Callable, Iterator

import pytest

from daemon.operations.fields import LIMIT_MAX, PART_MAX
from tests.acceptance.elsewhere import Served, served, served_by_daemon
from tests.acceptance.house import Answer, line_of, new_house

Call = Callable[..., Answer]


@pytest.fixture(scope="module")
def still() -> Iterator[Served]:
    """A house whose code was loaded once, and in which no daemon runs: nothing happens by itself."""
    with new_house() as house:
        with house.daemon():
            pass
        with served(house) as found:
            yield found


@pytest.fixture(scope="module")
def busy() -> Iterator[Served]:
    """A house with a daemon."""
    with new_house() as house, served_by_daemon(house) as found:
        yield found


def told(call: Call, *commands: str) -> list[Answer]:
    """What commands say about a backfill of their own, with a name in place of its id."""
    backfill_id = call("launch", "orders", "--all", "-o", "json").value["id"]
    answers = [call(*line.replace("ID", backfill_id).split()) for line in commands]
    return [with_name(answer, backfill_id) for answer in answers]


def with_name(answer: Answer, backfill_id: str) -> Answer:
    """An answer that does not tell which backfill, or which others may be meant."""
    out, err = (text.replace(backfill_id, "ID") for text in (answer.out, answer.err))
    return Answer(answer.status, out, re.sub(r"[Dd]id you mean.*", "", err))


CHANGES = (
    (
        "pause ID",
        "pause ID -o json",
        "resume ID --reason fine",
        "resume ID",
        "cancel ID -o json",
        "cancel ID",
    ),
    ("cancel ID", "pause ID", "resume ID -o json", "amend ID --priority 3", "retry ID"),
    (
        "amend ID",
        "amend ID --max-concurrent none",
        "amend ID --max-concurrent 2 --order newest-first --drop orders=2024-01-0* --reason room",
        "amend ID --only-between 25:00-26:00",
        "amend ID --retries 0 --drop orders=2024-01-10 -o json",
        "amend ID --retries -1",
        "amend ID --drop nothing",
        "cancel ID",
    ),
    ("run cancel ID-1-1", "run cancel nowhere-1-1", "cancel ID"),
    ("diff --from 0 --to 1 --backfill ID", "cancel ID"),
    (
        "cancel ID",
        "whatif ID --pool warehouse=3",
        "whatif ID --max-concurrent 0",
    ),
    ("cancel nowhere", "pause nowhere", "amend nowhere --priority 1", "retry nowhere", "cancel ID"),
)


@pytest.mark.parametrize("commands", CHANGES)
def test_what_changes_a_backfill_says_the_same(still: Served, commands: tuple[str, ...]) -> None:
    assert told(still.by_url, *commands) == told(still.house.call, *commands)


@pytest.mark.parametrize(
    "line",
    [
        "launch orders",
        "launch orders --all --missing",
        "launch nothing --all",
        "launch orders --partitions 2023-01-01",
        "launch orders --all --only-between nonsense",
        "launch report --all --require-upstream",
        "pool set warehouse",
        "pool set warehouse --slots 0",
        "pool set warehouse --rate fast",
        "pool set warehouse --only-between 25:00",
        "plan orders --all",
        "plan orders* --partitions [2024-01-02...2024-01-05] -o json --limit 2",
        "plan nothing --all",
        "jobs",
        "jobs -o json",
        "status",
        "status -o json",
        "status nowhere",
        "backfills",
        "backfills --limit 1",
        "backfills --limit 0 -o json",
        "backfills --as-of 1",
        "backfills --as-of nonsense",
        "backfills --as-of 10000000",
        "runs -o json",
        "runs --status lost",
        "run nowhere-1-1",
        "assets --limit 1",
        "assets --limit 0 -o json",
        "assets --history -o json --as-of 2",
        "partitions orders --limit 0 -o json",
        "partitions report",
        "partitions orders --status gone",
        "partitions list -o json",
        "partitions list nobody",
        "pool list -o json",
        "explain orders --partition 2024-01-01",
        "assets",
        "assets -o json",
        "assets --history -o json",
        "partitions orders",
        "partitions orders --limit 3 -o json",
        "partitions nothing",
        "partitions list",
        "partitions list nothing",
        "pool list",
        "diff --from 0 --to 3",
        "diff --from 0 --to 9 -o json",
        "diff --from 0 --to 9 --asset orders --limit 1",
        "diff --from 0 --to 9 --asset ordrs",
        "diff --from 0 --to 9 --backfill nowhere",
        "diff --from 9 --to 2",
        "diff --from nonsense",
        "diff --from 2 --to 2",
        "log verify",
        "log verify -o json",
        "log verify --since-anchor nowhere.json",
        "projections rebuild",
        "projections rebuild -o json",
        "projections check",
        "projections check -o json",
        "whatif nowhere --retries 1",
        "whatif nowhere",
        "replay nowhere",
        "replay nowhere --speed 0",
        "log",
        "log --limit 3",
        "log --limit 3 --newest-first",
        "log --from 2 --limit 3 -o json",
        "log --limit 0 -o jsonl",
        "log --asset orders --partitions 2024-01-05 --since 2d",
        "log --asset nothing",
        "log --type Nonsense",
        "log --type RunLost",
        "log --backfill nowhere --actor ada",
        "log --partitions 2024-01-05",
        "log --from 5 --to 3",
        "log --follow --to 3",
        "log show 1",
        "log show 1 -o json",
        "reload",
    ],
)
def test_an_answer_is_the_same(still: Served, line: str) -> None:
    assert still.by_url(*line.split()) == still.house.call(*line.split())


def test_an_anchor_is_kept_where_it_was_asked_for(still: Served) -> None:
    status, out, _ = still.by_url("log", "verify", "--save-anchor", "kept.json")
    assert (status, out.splitlines()[-1]) == (0, "The anchor is in kept.json: keep it elsewhere.")
    command = ("log", "verify", "--since-anchor", "kept.json")
    assert "; checked from position " in still.by_url(*command).out
    assert still.by_url(*command, "-o", "json") == still.house.call(*command, "-o", "json")
    kept = still.house.folder / "kept.json"
    anchor = json.loads(kept.read_text())
    anchor["backfilld_anchor"]["digest"] = "0" * 64
    kept.write_text(json.dumps(anchor))
    for form in ("text", "json"):
        found = still.by_url(*command, "-o", form)
        assert found == still.house.call(*command, "-o", form)
        assert (found.status, "when the anchor was saved" in found.out) == (1, True)


def test_what_uses_the_space_is_told_of_the_daemon_s_machine(still: Served) -> None:
    found, here = (call("log", "stats", "-o", "json").value for call in (still.by_url, still.house.call))
    for name in ("facts", "by_type", "by_day"):
        assert found["log"][name] == here["log"][name]
    assert found["log"]["tables"].keys() == here["log"]["tables"].keys()
    assert found["embedded_database"]["folder"] == here["embedded_database"]["folder"]
    assert found["run_files"] == here["run_files"]
    told = still.by_url("log", "stats").out
    assert "rest of PostgreSQL" in told
    assert "BackfillRequested" in told


def test_pools_and_keys_say_the_same(still: Served) -> None:
    def both(call: Call, name: str) -> list[tuple[int, str, str]]:
        lines = (
            f"pool set {name} --slots 3 --rate 30/min --reason busy",
            f"pool set {name} --slots 3 -o json",
            f"pool set {name} --slots none --only-between 22:00-06:00",
            f"partitions add {name} zoe abe zoe",
            f"partitions add {name} zoe kim -o json",
            f"partitions remove {name} zoe ...",
            f"partitions add {name} a...b",
        )
        answers = [call(*line.split()) for line in lines]
        return [(status, out.replace(name, "X"), err.replace(name, "X")) for status, out, err in answers]

    assert both(still.by_url, "first") == both(still.house.call, "other")


def test_names_may_have_any_letters(still: Served) -> None:
    for name in ("a/b", "ä&?=#%41", "..", "a b"):
        assert still.by_url("pool", "set", name, "--slots", "2", "-o", "json").value["pool"] == name
    for name in ("ä&?=#%41", "..", "a b"):
        assert still.by_url("partitions", "add", name, "k/1", "-o", "json").value["name"] == name
    status, _, err = still.by_url("partitions", "add", "a/b", "k")
    assert (status, err) == (
        2,
        "Name is 'a/b', which no address can name: it is empty or has a slash in it.\n",
    )


def test_a_launch_says_the_same(still: Served) -> None:
    def launched(call: Call, *more: str) -> Answer:
        answer = call("launch", "orders*", "--partitions", "2024-01-0*", "--reason", "late", *more)
        found = re.search(r"\b[a-z0-9]{8}\b", answer.out)
        assert found is not None, answer
        call("cancel", found[0])
        return with_name(answer, found[0])

    assert launched(still.by_url) == launched(still.house.call)
    assert launched(still.by_url, "-o", "json") == launched(still.house.call, "-o", "json")


def test_a_launch_is_followed_to_its_end(busy: Served) -> None:
    status, out, err = busy.by_url("launch", "orders", "--all", "--wait")
    assert status == 0
    first, last = out.splitlines()
    assert re.fullmatch(r"Backfill \w{8} is launched: 10 runs for orders\.", first)
    assert re.fullmatch(
        r"Backfill \w{8} succeeded: 10 of 10 partitions materialized in .*, .* runs/.*\.", last
    )
    assert "100 %  10 of 10 partitions, 10 of 10 runs" in err
    value = busy.by_url("launch", "orders", "--partitions", "2024-01-01", "--wait", "-o", "json").value
    assert (value["status"], value["runs_total"], "is_served" in value) == ("succeeded", 1, False)


def test_all_attempts_at_an_asset_are_told(busy: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    busy.by_url("launch", "orders", "--all", "--wait")
    monkeypatch.setattr("daemon.cli.audit.commands.LIMIT_MAX", 3)
    for options in ("", "-o csv", "-o json", "--partitions 2024-01-05 -o jsonl", "--partitions nonsense"):
        line = ("audit", "orders", *options.split())
        assert busy.by_url(*line) == busy.house.call(*line)
    for line in (("audit", "report"), ("audit", "nothing"), ("audit", "backfill", "nowhere")):
        assert busy.by_url(*line) == busy.house.call(*line)


def test_what_was_is_told_and_simulated_alike(busy: Served) -> None:
    backfill_id = busy.by_url("launch", "orders*", "--all", "--wait", "-o", "json").value["id"]
    (last,) = busy.by_url("log", "--backfill", backfill_id, "--limit", "1", "-o", "json").value
    for form in ("text", "json"):
        for line in (
            f"replay {backfill_id}",
            f"whatif {backfill_id} --max-concurrent 1 --newest-first",
            f"whatif {backfill_id} --max-runs 2 --retries none --only-between none",
            f"diff --from 1 --to {last['position']} --backfill {backfill_id}",
        ):
            command = (*line.split(), "-o", form)
            found = busy.by_url(*command)
            assert found == busy.house.call(*command)
            assert found.status == 0


def test_a_failure_is_followed_and_tried_again(busy: Served) -> None:
    broken = busy.house.folder / "broken"
    broken.touch()
    status, out, _ = busy.by_url("launch", "orders", "--partitions", "2024-01-03", "--wait")
    assert status == 1
    broken.unlink()
    failed = out.split()[1]
    status, out, _ = busy.by_url("retry", failed, "--wait")
    assert status == 0
    assert f"a retry of {failed}." in out


@pytest.mark.parametrize(
    "options",
    [
        "",
        "--limit 7",
        "--limit 0",
        "--newest-first --limit 7",
        "--from 2 --limit 5",
        "--from 3 --to 9 --limit 0",
    ],
)
def test_a_long_log_is_asked_for_in_parts(
    still: Served, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    monkeypatch.setattr("daemon.cli.log.elsewhere.LIMIT_MAX", 3)
    for form in ("text", "jsonl"):
        line = ("log", *options.split(), "-o", form)
        assert still.by_url(*line) == still.house.call(*line)


def test_a_log_is_followed(busy: Served) -> None:
    head = busy.by_url("log", "--limit", "1", "-o", "jsonl").value["position"]
    line = ("log", "--follow", "--from", str(head), "--type", "PoolConfigured", "-o", "jsonl")
    with busy.house.begin(*line, "--url", busy.url) as log:
        for slots in (1, 2, 3):
            busy.by_url("pool", "set", "followed", "--slots", str(slots))
            fact = json.loads(line_of(log))
            assert (fact["type"], fact["data"]["slots"]) == ("PoolConfigured", slots)
        log.kill()


def test_a_run_is_canceled(busy: Served) -> None:
    backfill_id = busy.by_url("launch", "region", "--all", "-o", "json").value["id"]
    running = ("runs", "--backfill", backfill_id, "--status", "running", "-o", "json")
    while not busy.by_url(*running).value:
        pass
    value = busy.by_url("run", "cancel", f"{backfill_id}-1-1", "-o", "json").value
    assert value.pop("status") in {"canceling", "canceled"}  # The daemon may be quicker than the answer.
    assert value == {"id": f"{backfill_id}-1-1", "backfill_id": backfill_id, "changed": True}
    (busy.house.folder / "go").touch()
    status, out, _ = busy.by_url("status", backfill_id, "--watch")
    assert status == 1
    assert "canceled" in out


def test_code_is_loaded_anew(busy: Served, request: pytest.FixtureRequest) -> None:
    code = busy.house.folder / "shop.py"
    text = code.read_text()
    request.addfinalizer(lambda: (code.write_text(text), busy.house.call("reload")))
    code.write_text(f"{text}\n\n@asset\ndef more():\n    pass\n")
    assert busy.by_url("reload").out == "shop is loaded: 5 assets.\n  added    more\n"
    assert busy.by_url("reload", "-o", "json").value[0]["status"] == "loaded"
    code.write_text("1 / 0\n")
    status, out, err = busy.by_url("reload")
    assert status == 12
    assert out == "shop failed to load: ZeroDivisionError: division by zero\n"
    assert "Traceback" in err


def test_a_list_that_is_longer_than_an_answer_comes_whole(still: Served) -> None:
    keys = [f"key-{number:04}" for number in range(LIMIT_MAX + 200)]
    assert still.house.call("partitions", "add", "many", *keys).status == 0
    command = ("partitions", "list", "many")
    assert still.by_url(*command, "-o", "json").value["keys"] == keys
    for options in (("-o", "json"), ("--limit", "1100"), ("--limit", "0")):
        assert still.by_url(*command, *options) == still.house.call(*command, *options)


@pytest.mark.parametrize(
    "command",
    [
        "partitions orders",
        "plan orders --all",
        "diff --from 0 --to 3",
        "explain ID --asset orders --partition 2024-01-03",
    ],
)
def test_what_comes_in_one_answer_has_the_same_limits(still: Served, command: str) -> None:
    backfill_id = still.house.call("launch", "orders", "--all", "-o", "json").value["id"]
    line = command.replace("ID", backfill_id).split()
    for options in (("--limit", "0"), ("--limit", "1"), ("--limit", str(PART_MAX)), ("-o", "json")):
        assert still.by_url(*line, *options) == still.house.call(*line, *options)
    status, _, err = still.by_url(*line, "--limit", str(PART_MAX + 1))
    told = "a daemon elsewhere lists 10,000 at the most of what comes in one answer; only its database"
    assert (status, err) == (2, f"--limit {PART_MAX + 1}: {told}, with --database, gives more.\n")
    assert still.house.call(*line, "--limit", str(PART_MAX + 1)).status == 0
    still.house.call("cancel", backfill_id)


def test_whoever_asks_for_all_is_told_of_the_bound_that_was_met(
    still: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.cli.paging.limit_max", lambda _: 3)
    status, _, err = still.by_url("plan", "orders", "--all", "--limit", "0", "-o", "json")
    assert status == 0
    assert err == ("A daemon elsewhere lists 3 at the most; its database, with --database, gives the rest.\n")
    assert still.by_url("plan", "report", "--all", "--limit", "0", "-o", "json").err == ""


def test_a_token_says_who_acts_and_what_they_may() -> None:
    with new_house() as house:
        (house.folder / "backfilld.toml").write_text("[web]\nrequire_tokens = true\n")
        with served_by_daemon(house) as shop:
            for name, role in (("eve", "viewer"), ("ci", "operator")):
                made = house.call("token", "create", name, "--role", role, "-o", "json").value
                (house.folder / name).write_text(made["secret"])
            launch = ("launch", "orders", "--partitions", "2024-01-01")
            asks = (
                f"The daemon at {shop.url} asks for a token: give one with --token-file or $BACKFILLD_TOKEN."
            )
            assert shop.by_url(*launch) == (3, "", f"{asks}\n")
            assert shop.by_url("jobs", "--token-file", "eve").status == 0
            refused = shop.by_url(*launch, "--token-file", "eve")
            assert (refused.status, refused.err) == (
                3,
                "The token of eve is a viewer's, and this needs an operator's.\n",
            )
            status, out, _ = shop.by_url(*launch, "--token-file", "ci", "--wait")
            assert status == 0
            assert shop.house.call("status", out.split()[1], "-o", "json").value["requested_by"] == "ci"
            house.call("token", "revoke", "ci")
            refused = shop.by_url(*launch, "--token-file", "ci")
            assert refused.status == 3
            assert refused.err.endswith(
                "does not take this token: it is unknown, has expired or was revoked.\n"
            )
