"""`run log`: values of metrics, one point each."""

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import uuid4

import click

from ledger.metrics import Scalar
from ledger.values.points import SCALAR, Point, batches
from ledger.values.rules import metric_name, scalar, step_of
from runledger.cli.conditions import WRITTEN_PAIR, written_pair
from runledger.cli.runs.describing import scalar_of
from runledger.cli.runs.options import run_id_option
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb
from schemas.limits import Limits

_NOT_FINITE = frozenset({"nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"})


class Named(NamedTuple):
    """A value of a metric."""

    name: str
    value: Scalar


@click.command(cls=Verb)
@run_id_option
@click.argument("words", nargs=-1, required=True, metavar=f"NAME VALUE | {WRITTEN_PAIR}...")
@click.option("--step", type=int, metavar="N", help="the step that the values belong to")
@pass_session
def log(session: Session, run_id: str, words: Sequence[str], step: int | None) -> None:
    """Log values of metrics: numbers, true, false or text; nothing is written to stdout."""
    points = list(_points(_named(words), step, Limits()))
    with session.client() as client:
        for batch in batches(run_id, uuid4().hex, 0, points, Limits()):
            client.log_values(batch)


def _named(words: Sequence[str]) -> list[Named]:
    match words:
        case [name, value] if "=" not in name:
            return [Named(name, value_of(value))]
        case _:
            return [Named(name, value_of(text)) for name, text in map(written_pair, words)]


def value_of(text: str) -> Scalar:
    """A word as a value: as a parameter's, with the numbers that JSON does not have."""
    return float(text) if text.lower() in _NOT_FINITE else scalar_of(text)


def _points(values: Sequence[Named], step: int | None, limits: Limits) -> Iterator[Point]:
    now = time.time_ns() // 1000
    for index, (name, value) in enumerate(values, start=1):
        content = scalar(name, value, limits)
        size = len(name) + len(str(content))
        yield Point(index, now, SCALAR, metric_name(name, limits), content, step_of(step), None, size)
