"""Pages of runs as MLflow's own store gives them, in one process: what each took, and which runs were on it.

Run by the Python of an environment that has MLflow, with the folder of its store. With `--make` it makes an empty one
with experiments; else it reads a question from stdin, as `benchmarks.peer_lists` writes it, and answers on stdout.
"""

import json
import sys
import time

_EXPERIMENTS = 50
_PAGE = 50


def make(folder: str) -> None:
    """An empty store: tables and experiments alone."""
    from mlflow.tracking import MlflowClient  # type: ignore[import-not-found] # noqa: PLC0415

    client = MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db")
    for number in range(_EXPERIMENTS):
        client.create_experiment(f"e{number}")


def answer(folder: str) -> None:
    """Ask the question so often, or as long as there is time for it."""
    from mlflow.tracking import MlflowClient  # noqa: PLC0415

    client = MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db")
    everywhere = [str(number + 1) for number in range(_EXPERIMENTS)]
    asked = json.load(sys.stdin)
    taken: list[float] = []
    runs = []
    until = time.perf_counter() + asked["seconds"]
    while len(taken) <= asked["times"] and (not taken or time.perf_counter() < until):
        began = time.perf_counter()
        runs = client.search_runs(
            asked.get("experiments", everywhere),
            asked.get("filter", ""),
            max_results=_PAGE,
            order_by=asked.get("order"),
        )
        taken.append((time.perf_counter() - began) * 1e3)
    # The first one warms up, if there is time for another.
    print(json.dumps({"taken": taken[1:] or taken, "runs": [run.info.run_id for run in runs]}))


if __name__ == "__main__":
    if sys.argv[1] == "--make":
        make(sys.argv[2])
    else:
        answer(sys.argv[1])
