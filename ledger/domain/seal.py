"""The seal of a run: what it had logged when it ended, bounded so that ending is never refused for size."""

from collections.abc import Mapping, Sequence
from hashlib import sha256

from schemas.events import Seal, SealedWriter
from schemas.events.logged import Scalar

_WRITER_BYTES = 200
"""About what one writer takes in JSON: id, two numbers and a hash."""

_SHARE_OF_WRITERS = 2


def sealed(writers: Sequence[SealedWriter], last_values: Mapping[str, Scalar], limit: int) -> Seal:
    """The seal in at most about `limit` bytes.

    Writers may take half of it; of those beyond, one digest over their writer, last index, number
    and hash stays. Last values come in the order of first use; how many found no place is counted.
    """
    most = limit // _SHARE_OF_WRITERS // _WRITER_BYTES
    kept, more = writers[:most], writers[most:]
    left = limit - len(kept) * _WRITER_BYTES
    values: dict[str, Scalar] = {}
    for name, value in last_values.items():
        left -= len(repr((name, value)).encode("unicode_escape")) + 8
        if left < 0:
            break
        values[name] = value
    return Seal(
        writers=list(kept),
        more_writers=len(more),
        more_writers_digest=_digest(more) if more else None,
        last_values=values,
        truncated=len(last_values) - len(values),
    )


def _digest(writers: Sequence[SealedWriter]) -> str:
    lines = (f"{each.writer} {each.last} {each.seq} {each.hash}\n" for each in writers)
    return sha256("".join(lines).encode()).hexdigest()
