"""A script as a user writes it: three runs that finish, one that fails."""

from runledger import Experiment, LedgerError, Workspace

SETTINGS = [("small", 8), ("medium", 32), ("large", 128)]


def train(learning_rate: float) -> None:
    """Something that can go wrong."""
    if learning_rate <= 0:
        raise ValueError("the learning rate must be positive")


def main() -> None:
    """Run it beside a workspace: `runledger init`, then `python first_runs.py`."""
    workspace = Workspace.from_config()
    experiment = Experiment(workspace, "explore-runs")
    for name, size in SETTINGS:
        with experiment.start_logging(display_name=name, tags={"size": str(size)}) as run:
            run.add_properties({"author": "azureml-user"})
            run.tag("quality", "great run")
    run.tag("quality", "fantastic run")
    run.tag("worth another look")
    try:
        with experiment.start_logging(display_name="broken") as broken:
            broken.tag("quality", "unknown")
            train(learning_rate=-1)
    except ValueError as error:
        print(f"the script goes on after: {error}")
    try:
        run.add_properties({"author": "different-user"})
    except LedgerError as error:
        print(f"refused: {error}")


if __name__ == "__main__":
    main()
