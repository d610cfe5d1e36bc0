"""Every reader comes to the same heads and the same voids, whatever lies in a partition.

The readers: our fold over the whole, our fold in batches, the file behind a server in other batches and filled anew,
the Python of docs/events.md, and the reader in JavaScript.
"""

import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from shutil import copyfile
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.store.database import Database
from ledger.store.fold import Arrival, Head, Partition, Progress, fold
from schemas.vectors.make import ACCEPTANCE, acceptance_text
from tests.docs.blocks import ROOT
from tests.examples.reader.node import Cases, cases
from tests.examples.reader.strange import PARTITIONS, as_case, every_oddity, from_case, partitions

cuts = st.lists(st.integers(0, 14), max_size=6)


class Read(NamedTuple):
    """What a reader came to."""

    heads: dict[str, tuple[int, str]]
    voids: list[int]
    running: str


@pytest.fixture(scope="module")
def javascript() -> Iterator[Cases]:
    with cases() as answering:
        yield answering


@pytest.fixture(scope="module")
def documented() -> type[Any]:
    """The reader that docs/events.md prints."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "events.md").read_text(encoding="utf-8"), re.DOTALL)
    found = [block for block in blocks if "class Partition" in block]
    assert len(found) == 1
    names: dict[str, Any] = {}
    exec(found[0], names)  # noqa: S102 - it is the reader
    reader: type[Any] = names["Partition"]
    return reader


def batches(arrivals: list[Arrival], where: list[int]) -> list[list[Arrival]]:
    edges = sorted({0, *(min(each, len(arrivals)) for each in where), len(arrivals)})
    return [arrivals[start:end] for start, end in pairwise(edges)]


def by_fold(partition: Partition, stretches: list[list[Arrival]]) -> Read:
    heads: dict[str, Head] = {}
    voids: list[int] = []
    progress = Progress()
    for stretch in stretches:
        folded = fold(stretch, partition=partition, progress=progress, head=heads.get)
        heads |= folded.heads
        voids += [void.offset for void in folded.voids]
        progress = folded.progress
    return Read({stream: (head.seq, head.hash.hex()) for stream, head in heads.items()}, voids, progress.running.hex())


def by_file(partition: Partition, stretches: list[list[Arrival]], path: Path) -> Read:
    """As a server's tail folds, each batch in a transaction; what was stored is what lay there, byte for byte."""
    database = Database(path, durable=False)
    try:
        for stretch in stretches:
            with database.writing() as connection:
                progress = database.progress(partition.log, partition.number)
                folded = fold(stretch, partition=partition, progress=progress, head=database.head)
                database.store(connection, partition, folded)
        lying = {arrival.offset: arrival.record for stretch in stretches for arrival in stretch}
        voids = database.voids(partition.log)
        assert all(void.record == lying[void.offset] and void.partition == partition.number for void in voids)
        heads = {stream: (head.seq, head.hash.hex()) for stream, head in database.heads().items()}
        running = database.progress(partition.log, partition.number).running.hex()
        return Read(heads, [void.offset for void in voids], running)
    finally:
        database.close()


def by_document(reader: type[Any], partition: Partition, arrivals: list[Arrival]) -> Read:
    reading = reader(partition.log, partition.log_id, partition.number, partition.count)
    voids = [each.offset for each in arrivals if not reading.take(each.offset, each.timestamp, *each.record)]
    return Read(reading.heads, voids, reading.running.hex())


def by_javascript(process: Cases, partition: Partition, arrivals: list[Arrival]) -> Read:
    found = process.fold(*as_case(partition, arrivals))
    heads = {stream: (seq, hash_) for stream, (seq, hash_) in found["heads"].items()}
    return Read(heads, found["voids"], found["running"])


@settings(max_examples=120)
@given(case=partitions(), ones=cuts, others=cuts)
def test_all_readers_agree_on_any_records(
    case: tuple[Partition, list[Arrival]],
    ones: list[int],
    others: list[int],
    javascript: Cases,
    documented: type[Any],
    files: Callable[[], Path],
) -> None:
    agree(*case, ones, others, javascript=javascript, documented=documented, files=files)


def test_all_readers_agree_on_every_odd_header(
    javascript: Cases, documented: type[Any], files: Callable[[], Path]
) -> None:
    read = agree(PARTITIONS[0], every_oddity(), [14], [], javascript=javascript, documented=documented, files=files)

    assert len(read.heads) > 20
    assert len(read.voids) > 60


def agree(
    partition: Partition,
    arrivals: list[Arrival],
    ones: list[int],
    others: list[int],
    *,
    javascript: Cases,
    documented: type[Any],
    files: Callable[[], Path],
) -> Read:
    whole = by_fold(partition, [arrivals])

    assert by_fold(partition, batches(arrivals, ones)) == whole
    assert by_file(partition, batches(arrivals, ones), files()) == whole
    assert by_file(partition, batches(arrivals, others), files()) == whole
    assert by_document(documented, partition, arrivals) == whole
    assert by_javascript(javascript, partition, arrivals) == whole
    return whole


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Makes an empty file each time: a copy, since what SQLite syncs while it makes one takes longest of all."""
    folder = tmp_path_factory.mktemp("files")
    empty = folder / "empty.db"
    Database(empty, durable=False).close()
    count = iter(range(1_000_000))
    return lambda: Path(copyfile(empty, folder / f"{next(count)}.db"))


@pytest.mark.parametrize("case", json.loads(ACCEPTANCE.read_text(encoding="utf-8")), ids=["control", "first", "values"])
def test_published_partitions_hold_for_every_reader(
    case: dict[str, Any], javascript: Cases, documented: type[Any], files: Callable[[], Path]
) -> None:
    partition, arrivals = from_case(case)
    read = agree(partition, arrivals, [9], [3, 20], javascript=javascript, documented=documented, files=files)

    assert read.heads == {stream: (seq, hash_) for stream, (seq, hash_) in case["heads"].items()}
    assert read.voids == [record["offset"] for record in case["records"] if not record["accepted"]]
    assert read.running == case["running"]


def test_published_partitions_are_what_the_code_makes() -> None:
    assert ACCEPTANCE.read_text(encoding="utf-8") == acceptance_text()
