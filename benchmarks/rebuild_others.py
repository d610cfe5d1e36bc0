"""Who uses a workspace while its views are built anew: `python -m benchmarks.rebuild_others FOLDER read|write`.

Asks until its input ends, and then prints the seconds of each answer as JSON. `read` asks for pages of lists and
for runs; `write` appends to a run and asks for that run, as of its own append.
"""

import json
import random
import sys
import threading
from pathlib import Path
from time import perf_counter, sleep

from ledger.commands import TagRun
from ledger.queries import RunQuery
from projections.answers import Answers
from runledger.wiring import embedded_workspace

_READS_APART, _WRITES_APART = 0.01, 0.1


def main(folder: Path, what: str) -> None:
    """Ask, and tell how long it took."""
    with embedded_workspace(str(folder)) as parts:
        answers: Answers = parts.queries
        runs = [found["run_id"] for found in answers.runs(RunQuery(limit=200)).runs]
        dice, seconds = random.Random(1), []  # noqa: S311 - chance, not secrets
        ended = threading.Event()
        threading.Thread(target=_wait, args=(ended,), daemon=True).start()
        print("ready", flush=True)
        while not ended.is_set():
            began = perf_counter()
            if what == "write":
                run_id = dice.choice(runs)
                answer = parts.client.execute(TagRun(run_id=run_id, tags={"asked": str(dice.random())}))
                began = perf_counter()
                answers.run(run_id, at_least=answer.position)
            elif dice.random() < 0.5:
                answers.run(dice.choice(runs))
            else:
                answers.runs(dice.choice(_QUERIES))
            seconds.append(perf_counter() - began)
            sleep(_WRITES_APART if what == "write" else _READS_APART)
    print(json.dumps(seconds), flush=True)


def _wait(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


_QUERIES = (
    RunQuery(),
    RunQuery(statuses=["Failed"]),
    RunQuery(statuses=["Completed"], order_by="-duration"),
    RunQuery(search="training"),
)

if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
