"""What a server does with a report of who is alive."""

from collections.abc import Sequence

from ledger.liveness.heard import Heard
from ledger.liveness.standings import Standing, Standings
from ledger.liveness.writers import LiveWriter
from schemas.statuses import TERMINAL


class Hearing:
    """Takes note of the writers of runs that have not ended; of others there is nothing to note."""

    def __init__(self, heard: Heard, standings: Standings) -> None:
        """Note it in `heard`."""
        self._heard = heard
        self._standings = standings

    def hear(self, writers: Sequence[LiveWriter], left: Sequence[LiveWriter]) -> list[str]:
        """Take note; answer with those of the live writers' runs that shall end."""
        standings = {run_id: self._standings.of(run_id) for run_id in {each.run_id for each in (*writers, *left)}}
        open_ = {run_id for run_id, standing in standings.items() if standing is not None and _is_open(standing)}
        self._heard.note(
            [each for each in writers if each.run_id in open_], [each for each in left if each.run_id in open_]
        )
        asked = dict.fromkeys(each.run_id for each in writers)
        return [run_id for run_id in asked if (standing := standings[run_id]) is not None and standing.shall_end]


def _is_open(standing: Standing) -> bool:
    return standing.presumed or standing.status not in TERMINAL
