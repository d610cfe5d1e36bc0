"""How far a server may be behind before it says so."""

import math

import pytest

from ledger.errors import RefusedError
from ledger.logs.log import Figures, Log, Told
from runledger.server.lagging import lag_limit, lagging


class Behind:
    id = "log"

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def append(self, links: object) -> list[int]:
        raise NotImplementedError

    def catch_up(self, told: Told | None = None) -> None:
        raise NotImplementedError

    def stopped(self) -> None:
        raise NotImplementedError

    def figures(self) -> Figures:
        return self._figures

    def close(self) -> None:
        raise NotImplementedError


def logs(control: Figures, values: Figures) -> dict[str, Log]:
    return {"control": Behind(control), "values": Behind(values)}


def test_who_is_behind_in_either_log_says_which_and_by_how_much() -> None:
    assert lagging(logs(Figures(), Figures(seconds=30.0, lag=9)), 30.0) is None
    said = str(lagging(logs(Figures(), Figures(seconds=31.0, lag=1234)), 30.0))
    assert "end of its values log for 31 s" in said
    assert "at least 1,234 record(s) are missing here" in said
    unknown = str(lagging(logs(Figures(seconds=99.0), Figures()), 30.0))
    assert "control log" in unknown
    assert "an unknown number of records" in unknown


def test_the_limit_is_a_setting() -> None:
    assert lag_limit({}, {}) == 30
    assert lag_limit({"RUNLEDGER_LAG_SECONDS": "2.5"}, {"lag_seconds": 7}) == 2.5
    assert lag_limit({}, {"lag_seconds": 7}) == 7
    assert lag_limit({"RUNLEDGER_LAG_SECONDS": "0"}, {}) == math.inf


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_a_limit_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="RUNLEDGER_LAG_SECONDS"):
        lag_limit({"RUNLEDGER_LAG_SECONDS": text}, {})
