"""What code prints while it is imported is kept within bounds, however often it is imported."""

from pathlib import Path

import pytest

from daemon.launching import zygote


def test_a_long_log_is_put_aside_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zygote, "LOG_BYTES_MAX", 10)
    log, aside = tmp_path / "weather.log", tmp_path / "weather.old.log"
    zygote.begin_anew_if_long(log)
    log.write_text("x" * 10)
    zygote.begin_anew_if_long(log)
    assert (log.exists(), aside.exists()) == (True, False)
    for text in ("the first that is long", "the second that is long"):
        log.write_text(text)
        zygote.begin_anew_if_long(log)
        assert not log.exists()
        assert aside.read_text() == text
