"""How fast MLflow takes logged values: `log_batch` of 1,000 points, its largest, into its own SQLite store.

Run by the Python of an environment that has MLflow; prints points a second.
"""

import sys
import time

_POINTS = 30_000
_BATCH = 1_000


def main(folder: str) -> None:
    """Measure in a folder."""
    from mlflow.entities import Metric  # type: ignore[import-not-found] # noqa: PLC0415 - another environment's
    from mlflow.tracking import MlflowClient  # type: ignore[import-not-found] # noqa: PLC0415

    client = MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db")
    run_id = client.create_run(client.create_experiment("bench")).info.run_id
    client.log_batch(run_id, metrics=[Metric("warm", 0.0, 1, 0)])
    began = time.perf_counter()
    for first in range(0, _POINTS, _BATCH):
        points = [Metric("loss", step * 0.5, 1_700_000_000_000 + step, step) for step in range(first, first + _BATCH)]
        client.log_batch(run_id, metrics=points)
    print(_POINTS / (time.perf_counter() - began))


if __name__ == "__main__":
    main(sys.argv[1])
