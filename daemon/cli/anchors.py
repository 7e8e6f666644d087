"""Anchors: what `log verify` found, in a file that is to be kept elsewhere."""

from pathlib import Path

import msgspec

from daemon.cli.output import pretty
from daemon.operations.errors import UsageError
from events.anchor import Anchor
from events.files.port import replaced


class AnchorFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file holds."""

    backfilld_anchor: Anchor


def read_anchor(path: Path) -> Anchor:
    """The anchor in a file.

    :raises UsageError: there is none.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=AnchorFile).backfilld_anchor
    except OSError as error:
        raise UsageError(f"the anchor {path} cannot be read: {error.strerror or error}.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} is no anchor ({error}): `backfilld log verify --save-anchor {path}` writes one."
        ) from error


def save_anchor(path: Path, anchor: Anchor) -> None:
    """Writes the anchor in place of one that may be there.

    :raises FileError: it cannot be written there.
    """
    with replaced(path, is_forced=True) as stream:
        stream.write(pretty(AnchorFile(anchor)) + b"\n")
