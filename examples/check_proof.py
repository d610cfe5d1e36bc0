"""Check a file that `runledger prove` wrote, without the ledger: `python check_proof.py FILE PUBLIC-KEY`.

Needs the package cryptography alone. The rules are those of docs/events.md and docs/proof.md.
"""

import json
import sys
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FIELDS = ("stream", "seq", "prev", "id", "source", "type", "time", "actor")
Record = dict[str, Any]
Heads = dict[str, tuple[int, str]]


def signed_text(note: str, public_key: str) -> list[str]:
    """The lines of the attestation, once the signature fits; raises if it does not."""
    name, _, key = public_key.strip().split("+", 2)
    text, _, signatures = note.rpartition("\n\n")
    mine = [line.split(" ")[2] for line in signatures.splitlines() if line.split(" ")[1] == name]
    if not mine:
        raise ValueError(f"{name} has not signed the attestation")
    Ed25519PublicKey.from_public_bytes(b64decode(key)[1:]).verify(b64decode(mine[0])[4:], (text + "\n").encode())
    return text.split("\n")


def record_hash(log_id: str, record: Record) -> bytes:
    """The hash of a record, over netstrings of its fields and its value."""
    parts = [log_id, *(record["headers"][f"ce_{field}"] for field in FIELDS), record["value"]]
    digest = sha256(b"runledger/1\n")
    for part in parts:
        raw = part.encode("utf-8", "surrogateescape")
        digest.update(b"%d:%b," % (len(raw), raw))
    return digest.digest()


def check_link(record: Record, hashed: bytes, heads: Heads) -> None:
    """It follows the event before it in its stream, by number and by hash."""
    stream, seq = record["headers"]["ce_stream"], int(record["headers"]["ce_seq"])
    last, previous = heads.get(stream, (0, ""))
    if (seq, record["headers"]["ce_prev"]) != (last + 1, previous):
        raise ValueError(f"{stream} {seq} does not follow event {last}: something is missing, moved or changed")
    heads[stream] = (seq, hashed.hex())


def root_from(leaf: bytes, index: int, path: list[str], size: int) -> bytes:
    """The root of the tree to which the path of a leaf leads (RFC 6962)."""
    node, last, others = sha256(b"\0" + leaf).digest(), size - 1, [bytes.fromhex(each) for each in path]
    while last:
        if index ^ 1 <= last:
            other = others.pop(0)
            node = sha256(b"\1" + (other + node if index & 1 else node + other)).digest()
        index, last = index >> 1, last >> 1
    if others or index:
        raise ValueError("a path does not fit the tree")
    return node


def sealed_values(run: str, events: list[Record]) -> dict[tuple[str, int], str]:
    """By stream and number of its last event, the hash that the run's ends say it has."""
    seals = [seal for event in events if (seal := json.loads(event["value"]).get("seal"))]
    return {
        (f"values:{run}:{writer['writer']}", writer["seq"]): writer["hash"]
        for seal in seals
        for writer in seal.get("writers", ())
    }


def check(lines: list[str], public_key: str) -> str:
    """What was proven; raises for what does not hold."""
    head, *records = (json.loads(line) for line in lines)
    text = signed_text(head["attestation"], public_key)
    log_id, size, root = text[0].removeprefix("runledger/"), int(text[1]), b64decode(text[2])
    run, heads, found = f"run:{head['run_id']}", Heads(), {}
    events, values = records[: head["events"]], records[head["events"] :]
    for event in events:
        hashed = record_hash(log_id, event)
        check_link(event, hashed, heads)
        leaf = event["position"].to_bytes(8, "big") + event["recorded_at"].to_bytes(8, "big") + hashed
        if event["headers"]["ce_stream"] != run or root_from(leaf, event["index"], event["path"], size) != root:
            raise ValueError(f"event {event['headers']['ce_seq']} is not in what was attested")
    (_, streams, heads_root), leaf = text[5].split(" "), "{} {} {}".format(run, *heads[run]).encode()
    if root_from(leaf, head["head"]["index"], head["head"]["path"], int(streams)) != b64decode(heads_root):
        raise ValueError(f"event {heads[run][0]} was not the run's last one: what came behind it is missing")
    for record in values:
        hashed = record_hash(head["values_log_id"], record)
        check_link(record, hashed, heads)
        found[record["headers"]["ce_stream"], int(record["headers"]["ce_seq"])] = hashed.hex()
    for place, sealed in sealed_values(head["run_id"], events).items():
        if found.get(place) != sealed:
            raise ValueError(f"the values of {place[0]} are not those that the run's end sealed")
    return f"run {head['run_id']}: {len(events)} events and {len(values)} batches of values are as attested: {text[4]}"


if __name__ == "__main__":
    file, public_key = sys.argv[1:] if len(sys.argv) == 3 else sys.exit(__doc__)
    print(check(Path(file).read_text(encoding="utf-8").splitlines(), public_key))
