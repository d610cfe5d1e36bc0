"""When a server is too far behind its logs to be asked."""

import math
from collections.abc import Mapping
from typing import Any

from ledger.errors import NotReadyError, RefusedError
from ledger.logs.log import Log
from runledger.settings import resolve
from schemas.errors import LedgerError


def lag_limit(environment: Mapping[str, str], config: Mapping[str, Any]) -> float:
    """The seconds that RUNLEDGER_LAG_SECONDS allows; 0 allows any.

    Raises:
        RefusedError: it is no number of seconds.
    """
    text = resolve(environment, config)["lag seconds"].value or "0"
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < math.inf:
        raise RefusedError(f"RUNLEDGER_LAG_SECONDS is {text!r}; write a number of seconds, or 0 for any")
    return seconds or math.inf


def lagging(logs: Mapping[str, Log], limit: float) -> LedgerError | None:
    """Why this server does not know what others wrote, if it lags longer than the limit."""
    for name, log in logs.items():
        figures = log.figures()
        if figures.seconds > limit:
            records = f"at least {figures.lag:,} record(s)" if figures.lag else "an unknown number of records"
            return NotReadyError(
                f"this server has not reached the end of its {name} log for {figures.seconds:.0f} s, and "
                f"RUNLEDGER_LAG_SECONDS allows {limit:.0f}; {records} are missing here. `runledger doctor` says more"
            )
    return None
