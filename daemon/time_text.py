"""Times that things take, in words."""


def rate_text(per_s: float, unit: str) -> str:
    """``142 runs/s``; slow ones by the minute or hour."""
    for seconds, name in ((1, "s"), (60, "min"), (3600, "h")):
        if per_s * seconds >= 1 or name == "h":
            rate = per_s * seconds
            return f"{rate:,.0f} {unit}/{name}" if rate >= 10 else f"{rate:.1f} {unit}/{name}"
    raise AssertionError("an hour takes every rate")


def duration_text(seconds: float) -> str:
    """``80 ms``, ``1.5 s``, ``12 s``, ``3 min 20 s``, ``5 h 03 min``."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02} min" if hours < 48 else f"{hours // 24:,} days {hours % 24} h"
