"""A `World` as bytes and back, so that a restart folds only what came since."""

import msgspec
from pyroaring import BitMap

from projections.world import Known, World

VERSION = 10  # raised with every change to the state's shape or meaning: older snapshots are then not used


def encode(world: World) -> bytes:
    """The state, without anything that follows from it."""
    return _encoder.encode(world.known)


def decode(snapshot: bytes) -> World | None:
    """The world at the snapshot's position; None for bytes that are none of this version's."""
    try:
        return World(_decoder.decode(snapshot))
    except (msgspec.DecodeError, ValueError):
        return None


def _plain(value: object) -> bytes:
    if isinstance(value, BitMap):
        return value.serialize()
    raise TypeError(f"a snapshot cannot hold {type(value).__name__}")


def _revived(kind: type, value: object) -> BitMap:
    if kind is BitMap:
        assert isinstance(value, bytes)
        return BitMap.deserialize(value)
    raise TypeError(f"a snapshot cannot hold {kind.__name__}")


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain)
_decoder = msgspec.msgpack.Decoder(Known, dec_hook=_revived)
