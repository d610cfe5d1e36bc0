"""A store of MLflow with so many runs, to compare its list of runs with: by its own client, which is slow.

Run by the Python of an environment that has MLflow, with a folder and the number of runs.
"""

import sys


def main(folder: str, runs: int) -> None:
    """Make them."""
    from mlflow.entities import Metric, Param, RunTag  # type: ignore[import-not-found] # noqa: PLC0415
    from mlflow.tracking import MlflowClient  # type: ignore[import-not-found] # noqa: PLC0415

    client = MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db")
    experiment = client.create_experiment("bench")
    for number in range(runs):
        run = client.create_run(experiment, run_name=f"run {number}").info.run_id
        values = [Metric("loss", number / runs, 1_700_000_000_000, 0), Metric("acc", 1 - number / runs, 1, 0)]
        tags = [RunTag("team", f"t{number % 20}"), RunTag("author", f"a{number % 300}")]
        client.log_batch(run, metrics=values, params=[Param("lr", str(number / runs))], tags=tags)
        client.set_terminated(run)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
