"""`python -m tests.faults api`: rounds against servers of their own, until enough cases were sent."""

import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.faults.api.fuzz import Found, fuzz, session_of
from tests.faults.api.odd import try_odd
from tests.faults.api.serving import served
from tests.faults.row import Row

_WORKERS = 2
_EXAMPLES = 5


def one_round(number: int) -> Found:
    """The odd values in round 0, drawn cases in each other; a round has a server and a ledger of its own."""
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as (server, token, known):
        if number:
            return fuzz(server.url, token, known, _EXAMPLES, number)
        session = session_of(token)
        description = session.get(f"{server.url}/openapi.json", timeout=60).json()
        found = try_odd(session, server.url, known, description)
        session.close()
        return found


def fuzz_api(cases: int) -> Sequence[Row]:
    """Send at least so many cases; a row says what came of them, and each kind of failure has one of its own."""
    found, rounds = Found(), 0
    with ProcessPoolExecutor(_WORKERS) as pool:
        running = {pool.submit(one_round, number) for number in range(_WORKERS)}
        rounds = len(running)
        while running:
            done = next(as_completed(running))
            running.remove(done)
            found.add(done.result())
            print(f"        {found.cases:,} cases, {len(found.failures)} kinds of failure", file=sys.stderr, flush=True)
            if found.cases < cases:
                running.add(pool.submit(one_round, rounds))
                rounds += 1
    statuses = " ".join(f"{status}:{count:,}" for status, count in sorted(found.statuses.items()))
    figures = {"cases": f"{found.cases:,}", "answers": statuses, "kinds of failure": len(found.failures)}
    failures = [Row(what, {"such as": examples[0][:500]}, holds=False) for what, examples in found.failures.items()]
    return [Row("whatever is sent, the API answers as it says", figures, not found.failures), *failures]
