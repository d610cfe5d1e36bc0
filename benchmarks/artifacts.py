"""Files of runs: one large and many small, in a folder and through a server, against plain copies of them.

RUNLEDGER_BENCH_MB and RUNLEDGER_BENCH_FILES set other sizes than 1,000 MB and 10,000 files. It needs four times
the space of the large file.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import perf_counter
from uuid import uuid4

from benchmarks.http import server
from benchmarks.result import Result
from ledger.artifacts.downloading import write_below
from ledger.artifacts.upload import Upload
from ledger.artifacts.uploading import upload
from ledger.artifacts.walking import files_below
from ledger.client import Client
from ledger.commands import StartRun
from runledger.wiring import connect, make_workspace

_MEGABYTES = int(os.environ.get("RUNLEDGER_BENCH_MB", "1000"))
_FILES = int(os.environ.get("RUNLEDGER_BENCH_FILES", "10000"))
_SMALL_BYTES = 2_000
_MEGABYTE = 1_000_000


def run() -> list[Result]:
    """Each way once, with the floor right before it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large, small = folder / "large", folder / "small"
        _fill(large, 1, _MEGABYTES * _MEGABYTE)
        _fill(small, _FILES, _SMALL_BYTES)
        found = []
        for way in ("embedded", "HTTP"):
            found += _measured(folder, large, way, f"{_MEGABYTES:,} MB", _megabytes_a_second)
            found += _measured(folder, small, way, f"{_FILES:,} files of 2 kB", _files_a_second)
    return found


def _measured(folder: Path, source: Path, way: str, what: str, rate: Callable[[float], float]) -> list[Result]:
    unit = "MB/s" if rate is _megabytes_a_second else "files/s"
    copied = rate(_seconds(lambda: shutil.copytree(source, folder / "copy")))
    shutil.rmtree(folder / "copy")
    synced = rate(_seconds(lambda: _copy_synced(source, folder / "copy")))
    shutil.rmtree(folder / "copy")
    place = folder / way
    make_workspace(place, log="sqlite")
    try:
        if way == "HTTP":
            with server(place) as (_, url), closing(connect(url)) as client:
                up, down = _there_and_back(client, source, folder / "back")
        else:
            with closing(connect(str(place))) as client:
                up, down = _there_and_back(client, source, folder / "back")
    finally:
        shutil.rmtree(place)
        shutil.rmtree(folder / "back", ignore_errors=True)
    return [
        Result(f"upload of {what}, {way}", rate(up), unit, copied, f"{unit}, shutil.copytree"),
        Result(f"upload of {what}, {way}, synced floor", rate(up), unit, synced, f"{unit}, copied and fsync"),
        Result(f"download of {what}, {way}", rate(down), unit, copied, f"{unit}, shutil.copytree"),
    ]


def _there_and_back(client: Client, source: Path, back: Path) -> tuple[float, float]:
    run_id = f"b-{uuid4()}"
    client.execute(StartRun(run_id=run_id, experiment="bench"))
    uploads = [Upload(name, path) for name, path in files_below(source)]
    up = _seconds(lambda: upload(client.put_content, run_id, client.execute, uploads))
    artifacts = client.artifacts(run_id)
    if len(artifacts) != len(uploads):
        raise RuntimeError(f"{len(artifacts)} of {len(uploads)} files are there")
    return up, _seconds(lambda: write_below(client, artifacts, back))


def _fill(folder: Path, files: int, size: int) -> None:
    folder.mkdir()
    for number in range(files):
        with (folder / f"{number:06d}.bin").open("wb") as file:
            left = size
            while left > 0:
                left -= file.write(os.urandom(min(left, _MEGABYTE)))


def _copy_synced(source: Path, target: Path) -> None:
    target.mkdir()
    for file in source.iterdir():
        with file.open("rb") as read, (target / file.name).open("wb") as written:
            shutil.copyfileobj(read, written, 1 << 20)
            written.flush()
            os.fsync(written.fileno())


def _seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def _megabytes_a_second(seconds: float) -> float:
    return _MEGABYTES / seconds


def _files_a_second(seconds: float) -> float:
    return _FILES / seconds
