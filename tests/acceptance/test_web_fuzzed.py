"""The whole API as its own description has it, asked whatever fits that and much that does not."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.house import new_house

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
ENDLESS = "/stream$|/progress$|/changes$"  # answers that go on for as long as somebody reads
TIMEOUT_S = 200.0


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[str, dict[str, str]]]:
    """The URL of a server where something has happened, and names of what there is, by parameter."""
    with new_house() as house, house.daemon("shop.py", "--port", "0"):
        assert house.call("partitions", "add", "shops", "north").status == 0
        assert house.call("token", "create", "ci", "--role", "viewer").status == 0
        launched = house.call("launch", "orders", "--all", "--wait", "-o", "json").value
        url = json.loads((house.home / "ready.json").read_text())["url"]
        (run, *_) = httpx.get(f"{url}/api/v1/runs", timeout=TIMEOUT_S).json()["items"]
        yield url, {"backfill_id": launched["id"], "run_id": run["id"], "asset": "orders", "name": "shops"}


@pytest.mark.timeout(2 * TIMEOUT_S)
@pytest.mark.parametrize(
    ("is_known", "phases", "examples"),
    [(False, "fuzzing", 10), (True, "fuzzing", 10), (False, "coverage", 1)],
    ids=["made-up-names", "names-of-what-there-is", "every-way-to-be-wrong"],
)
def test_whatever_is_asked_gets_an_answer_that_fits_the_description(
    site: tuple[str, dict[str, str]], tmp_path: Path, is_known: bool, phases: str, examples: int
) -> None:
    url, names = site
    settings = tmp_path / "schemathesis.toml"
    known = "\n".join(f"{name} = {json.dumps(value)}" for name, value in names.items())
    settings.write_text(f"[parameters]\n{known}\n" if is_known else "")
    done = subprocess.run(
        [
            *(str(SCHEMATHESIS), "--config-file", str(settings), "run", f"{url}/schema/openapi.json"),
            *("--phases", phases, "--max-examples", str(examples), "--generation-deterministic"),
            *("--exclude-path-regex", ENDLESS, "--checks", ",".join(CHECKS), "--request-timeout", "30"),
        ],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout[-8_000:]
    assert " passed" in done.stdout
