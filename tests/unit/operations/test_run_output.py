"""What a run printed, read a piece at a time."""

from pathlib import Path

from daemon.operations.run_output import OutputAsked, piece


def asked(offset: int = 0, limit: int = 4) -> OutputAsked:
    return OutputAsked(run_id="b-1-1", offset=offset, limit=limit)


def all_of(folder: Path, limit: int) -> str:
    """All that was printed by a run that is over."""
    text, offset = "", 0
    while True:
        found = piece(folder, asked(offset, limit), is_over=True)
        text += found.text
        if found.has_ended:
            return text
        assert found.next > offset, "it goes on"
        offset = found.next


def test_no_character_is_cut(tmp_path: Path) -> None:
    text = "one two drei vier fünf 六 🙂\n"
    (tmp_path / "stdout.log").write_text(text)
    for limit in range(4, 40):
        assert all_of(tmp_path, limit) == text


def test_what_is_half_written_waits_for_its_end(tmp_path: Path) -> None:
    file = tmp_path / "stdout.log"
    file.write_bytes("ü".encode()[:1])
    half = piece(tmp_path, asked(), is_over=False)
    assert (half.text, half.next, half.has_ended) == ("", 0, False)
    file.write_bytes("ü".encode())
    assert piece(tmp_path, asked(half.next), is_over=False).text == "ü"
    # Half a character is all there will be of it once the run is over.
    file.write_bytes("ü".encode()[:1])
    assert piece(tmp_path, asked(), is_over=True).text == "\N{REPLACEMENT CHARACTER}"


def test_what_is_no_text_is_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "stdout.log").write_bytes(b"\xff\xfe" * 10)
    assert all_of(tmp_path, 4) == "\N{REPLACEMENT CHARACTER}" * 20


def test_a_file_that_was_cut_is_gone_on_with_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "stdout.log").write_text("cut")
    found = piece(tmp_path, asked(offset=100), is_over=False)
    assert (found.offset, found.text, found.next, found.size) == (3, "", 3, 3)


def test_a_file_that_is_not_there_yet_is_no_text(tmp_path: Path) -> None:
    found = piece(tmp_path, asked(), is_over=False)
    assert (found.text, found.next, found.size, found.has_ended) == ("", 0, None, False)
    assert piece(tmp_path, asked(), is_over=True).has_ended


def test_the_end_is_read_by_an_offset_below_0_and_begins_with_a_whole_character(tmp_path: Path) -> None:
    (tmp_path / "stdout.log").write_text("vier fünf 🙂\n")
    ends = [piece(tmp_path, asked(-size, limit=64), is_over=True) for size in range(1, 19)]
    assert [end.text for end in ends[:8]] == ["\n", "\n", "\n", "\n", "🙂\n", " 🙂\n", "f 🙂\n", "nf 🙂\n"]
    assert ends[-1].text == "vier fünf 🙂\n", "there is no more than all of it"
    assert {end.next for end in ends} == {16}
    assert all(end.offset + len(end.text.encode()) == end.next for end in ends)
