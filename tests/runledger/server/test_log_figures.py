"""How figures of the logs are put for Prometheus."""

from ledger.logs.measured import BOUNDS
from projections.status import ProjectionStatus
from runledger.server.log_figures import _cumulated, _of_views


def test_classes_hold_all_that_took_no_longer() -> None:
    counts = [0] * (len(BOUNDS) + 1)
    counts[0], counts[3], counts[-1] = 2, 5, 1

    classes = _cumulated(counts)

    assert (classes[0], classes[2][1], classes[3][1]) == ((str(BOUNDS[0]), 2), 2, 7)
    assert classes[-1] == ("+Inf", 8)


def test_views_tell_what_they_have_yet_to_read_and_what_they_passed_over() -> None:
    lag, opaque = _of_views([ProjectionStatus("runs", 1, 0, position=5, end=9, lag=4, opaque=3)])

    assert [(sample.labels, sample.value) for sample in lag.samples] == [({"projection": "runs"}, 4)]
    assert [(sample.labels, sample.value) for sample in opaque.samples] == [({"projection": "runs"}, 3)]
