"""Output files are cut back to a bound while a run goes on writing."""

from pathlib import Path

from daemon.launching.output import STANDARD_ERROR_FILE, STANDARD_OUTPUT_FILE, BoundedOutput

BYTES_MAX = 1_000


def test_what_is_within_the_bound_stays(tmp_path: Path) -> None:
    (tmp_path / STANDARD_OUTPUT_FILE).write_bytes(b"x" * BYTES_MAX)
    output = BoundedOutput(tmp_path, bytes_max=BYTES_MAX)
    output.trim()
    assert (tmp_path / STANDARD_OUTPUT_FILE).read_bytes() == b"x" * BYTES_MAX


def test_what_is_over_it_is_counted_in_a_last_line(tmp_path: Path) -> None:
    path = tmp_path / STANDARD_ERROR_FILE
    output = BoundedOutput(tmp_path, bytes_max=BYTES_MAX)
    with path.open("ab", buffering=0) as run:
        run.write(b"h" * 500)
        for _ in range(4):
            run.write(b"t" * 700)
            output.trim()
            output.trim()
    kept = path.read_bytes()
    assert len(kept) == BYTES_MAX
    assert kept.startswith(b"h" * 500 + b"t" * 300 + b" ")
    assert kept.endswith(b"\n[backfilld: output is kept up to 1,000 bytes; 2,500 bytes left out here]\n")
