"""What a run logs: figures of each epoch, now and then a text, a row and a table, in batches as they are shipped."""

from collections.abc import Iterator
from math import exp
from random import Random
from typing import Any

from benchmarks.workspaces.links import SECOND, Chained, Stream
from benchmarks.workspaces.world import SOURCE
from ledger.metrics import Scalar
from schemas.events import RunLoggedEvent, Seal, SealedWriter
from schemas.events.values import Series
from schemas.streams import values_stream

_FIGURES = ("train/loss", "val/loss", "val/accuracy", "lr")
_CLASSES = 6
_EXTRA = 2 + _CLASSES
_SIZES = (0, 0.4, 0.4, 0.7, 0.7, 0.7, 1, 1, 1.5, 3.6)
"""Runs log from nothing to several times as much as the average, which is 1."""

_SMALLEST_BATCH = 8
_MOST_BATCHES = 8


def count_drawn(average: float, draw: Random) -> int:
    """How many values a run logs."""
    return int(average * _SIZES[int(draw.random() * len(_SIZES))] + draw.random())


def log_values(
    run_id: str, actor: str, count: int, span: tuple[int, int], log_id: str, told: list[Chained], draw: Random
) -> Seal:
    """Log so many values between two moments, and answer with the seal."""
    if not count:
        return Seal()
    writer = f"{draw.getrandbits(128):032x}"
    stream = Stream(log_id, values_stream(run_id, writer), SOURCE, told)
    first, last_values, event_hash = 1, dict[str, Scalar](), b""
    for last, moment, series in _batches(count, span, draw, last_values):
        # Unchecked: checking them takes as long as all else that is done for a batch.
        event = RunLoggedEvent.model_construct(writer=writer, first=first, last=last, series=series)
        event_hash = stream.add(moment, actor, f"{writer}.{first}-{last}", event)
        first = last + 1
    sealed = SealedWriter(writer=writer, last=first - 1, seq=stream.seq, hash=event_hash.hex())
    return Seal(writers=[sealed], last_values=last_values)


def _batches(
    count: int, span: tuple[int, int], draw: Random, last_values: dict[str, Scalar]
) -> Iterator[tuple[int, int, list[Series]]]:
    """The last journal index of each batch, when it comes, and what is in it."""
    extra = _EXTRA if count >= 5 * _EXTRA and draw.random() < 0.4 else 0
    figures = _FIGURES[: max(1, min(len(_FIGURES), count - extra))]
    epochs = (count - extra) // len(figures)
    size = max(_SMALLEST_BATCH, -(-epochs // _MOST_BATCHES))
    pace = max((span[1] - span[0]) // (epochs + 1), len(figures))
    speed, best, index = 0.5 + draw.random() * 4, draw.random() * 0.3, 0
    for begin in range(0, epochs, size):
        steps = range(begin, min(begin + size, epochs))
        times = [span[0] + (step + 1) * pace + int(draw.random() * 900) for step in steps]
        series = []
        for place, name in enumerate(figures):
            values = _curve(name, steps, speed / epochs, best, draw)
            last_values[name] = values[-1]
            series.append(
                _scalars(name, index + place + 1, len(figures), [time + 37 * place for time in times], steps, values)
            )
        index += len(steps) * len(figures)
        if extra and steps.stop == epochs:
            note = f"stopped early, patience {draw.randrange(3, 20)}"
            series += _extra(note, index + 1, times[-1] + SECOND, draw)
            last_values["note"] = note
            index += 3
        yield index, times[-1] + 2 * SECOND, series


def _scalars(name: str, first: int, stride: int, times: list[int], steps: range, values: list[Scalar]) -> Series:
    index = list(range(first, first + stride * len(steps), stride))
    return Series.model_construct(name=name, kind="scalar", index=index, times=times, steps=list(steps), values=values)


def _curve(name: str, steps: range, speed: float, best: float, draw: Random) -> list[Scalar]:
    noise = draw.random
    match name:
        case "val/accuracy":
            return [1 - best - exp(-speed * step) * 0.5 - noise() * 0.01 for step in steps]
        case "lr":
            return [0.001 * exp(-0.05 * (step // 10)) for step in steps]
        case _:
            return [best + exp(-speed * step) * 2.3 + noise() * 0.02 for step in steps]


def _extra(note: str, index: int, time: int, draw: Random) -> list[Series]:
    """A text, a row, and a table with a row for each class."""
    names = [f"class {number}" for number in range(_CLASSES)]
    right: dict[str, Any] = {"class": names, "right": [draw.randrange(500) for _ in names]}
    scores: dict[str, list[Scalar]] = {"precision": [draw.random()], "recall": [draw.random()]}
    return [
        Series(name="note", kind="scalar", index=[index], times=[time], values=[note]),
        Series(name="scores", kind="row", index=[index + 1], times=[time + 40], columns=scores),
        Series(
            name="by class", kind="table", index=[index + 2] * _CLASSES, times=[time + 90] * _CLASSES, columns=right
        ),
    ]
