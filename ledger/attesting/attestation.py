"""What an attestation says: a checkpoint as C2SP describes it (c2sp.org/tlog-checkpoint), with lines of our own.

runledger/LOG-ID
SIZE
ROOT in base64
position POSITION
recorded TIME
values LOG-ID
values PARTITION NEXT-OFFSET RUNNING-HASH     one for each partition
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from ledger.attesting.errors import AttestationError
from ledger.attesting.tree import events_tree, heads_tree
from ledger.store.database import Database
from schemas.streams import CONTROL, VALUES

_ORIGIN = "runledger/"
_FORM = re.compile(
    r"runledger/(?P<log_id>[0-9a-f-]{36})\n"
    r"(?P<size>[1-9][0-9]{0,17})\n"
    r"(?P<root>[A-Za-z0-9+/]{43}=)\n"
    r"position (?P<position>0|[1-9][0-9]{0,17})\n"
    r"recorded (?P<recorded>[0-9TZ:.-]{20,30})\n"
    r"heads (?P<heads>[1-9][0-9]{0,17}) (?P<heads_root>[A-Za-z0-9+/]{43}=)\n"
    r"(?:values (?P<values_id>[0-9a-f-]{36})\n(?P<values>(?:values [0-9]+ [0-9]+ [0-9a-f]{64}\n)+))?"
)


@dataclass(frozen=True, slots=True)
class ValuesMark:
    """How far a partition of the values log was read, and the running hash there (hex)."""

    partition: int
    next_offset: int
    running: str


@dataclass(frozen=True, slots=True)
class Attestation:
    """What a ledger held: its first `size` accepted events, the last of them at `position`, and all streams' heads."""

    log_id: str
    size: int
    root: bytes
    position: int
    recorded_at: str
    heads: int
    heads_root: bytes
    values_id: str | None = None
    values: tuple[ValuesMark, ...] = ()

    def text(self) -> str:
        """The text that is signed."""
        lines = [f"{_ORIGIN}{self.log_id}", str(self.size), _base64(self.root)]
        lines += [f"position {self.position}", f"recorded {self.recorded_at}"]
        lines += [f"heads {self.heads} {_base64(self.heads_root)}"]
        if self.values_id is not None:
            lines.append(f"values {self.values_id}")
        lines += [f"values {each.partition} {each.next_offset} {each.running}" for each in self.values]
        return "\n".join(lines) + "\n"

    @classmethod
    def parse(cls, text: str) -> "Attestation":
        """Read a text.

        Raises:
            AttestationError: it is no attestation of a ledger.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise AttestationError("this is no attestation of a ledger: `runledger attest` writes one")
        return cls(
            log_id=found["log_id"],
            size=int(found["size"]),
            root=base64.b64decode(found["root"]),
            position=int(found["position"]),
            recorded_at=found["recorded"],
            heads=int(found["heads"]),
            heads_root=base64.b64decode(found["heads_root"]),
            values_id=found["values_id"],
            values=tuple(_mark(line) for line in (found["values"] or "").splitlines()),
        )


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _mark(line: str) -> ValuesMark:
    _, partition, next_offset, running = line.split(" ")
    return ValuesMark(int(partition), int(next_offset), running)


def attestation_of(database: Database, progress: Callable[[int], None] = lambda _: None) -> Attestation:
    """What a ledger.db holds; the caller has one moment of it open.

    Raises:
        AttestationError: it holds nothing.
    """
    known = database.identities()
    if CONTROL not in known:
        raise AttestationError("the ledger holds nothing yet: there is nothing to attest")
    tree = events_tree(database, progress=progress)
    position, recorded_at, _ = tree.last
    heads = heads_tree(database, position, progress)
    values = known.get(VALUES)
    return Attestation(
        log_id=known[CONTROL].id,
        size=tree.size,
        root=tree.root(),
        position=position,
        recorded_at=datetime.fromtimestamp(recorded_at / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        heads=heads.size,
        heads_root=heads.root(),
        values_id=values.id if values else None,
        values=tuple(_read(database, number) for number in range(values.partitions)) if values else (),
    )


def _read(database: Database, partition: int) -> ValuesMark:
    found = database.progress(VALUES, partition)
    return ValuesMark(partition, found.next_offset, found.running.hex())
