"""The alert rule of one run: what `notify=` asks for; light enough for a training process."""

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from schemas.statuses import TERMINAL, RunStatus

_TO = sorted(TERMINAL | {RunStatus.NOT_RESPONDING})
_NAME_LENGTH = 200


def one_run_rule(run_id: str, recipient: str) -> dict[str, Any]:
    """The definition of a rule that tells one recipient how one run ends, or that it does not respond."""
    return {
        "name": f"run {run_id}"[:_NAME_LENGTH],
        "run_id": run_id,
        "to": [str(status) for status in _TO],
        "recipients": [recipient],
    }


def one_run_rule_id(run_id: str, recipient: str) -> str:
    """The id of that rule: the same whenever it is asked for again, so that it is defined once."""
    return str(uuid5(NAMESPACE_URL, f"runledger:notify:{run_id}:{recipient.casefold()}"))
