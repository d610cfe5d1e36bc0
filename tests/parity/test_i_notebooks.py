"""The steps of the logging notebook on a folder and on a URL (parity section I, 5.B), and where they lead."""

import math

import numpy as np

from runledger import Experiment, Run
from tests.runledger.cli.calling import call

METRICS = ("Accuracy", "Precision", "Recall")
_STEPS = 100
FIBONACCI = [0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89]


def test_i1_the_logging_notebook_works_step_by_step(anywhere: Experiment) -> None:
    """Cells 11 to 44: scalars, a list from a generator, rows, a table, wide rows, tags after the end."""
    started = anywhere.start_logging(snapshot_directory=None)
    run_id, scale = started.id, 2
    started.log("Category", "Red")
    started.log("scale factor", scale)
    started.log("Magic Number", 42 * scale)
    started.log_list("Fibonacci", (number * scale for number in FIBONACCI))
    sigmoid = [1 / (1 + np.exp(-x)) for x in np.linspace(-5, 5, 20)]
    for value in sigmoid:
        started.log("Sigmoid", value)
    angles = [step * math.pi / 10 for step in range(20)]
    for angle in angles:
        started.log_row("Cosine Wave", angle=angle, cos=math.cos(angle))
    sine = {"angle": angles, "sine": [math.sin(angle) for angle in angles]}
    started.log_table("Sine Wave", sine)
    for step in range(_STEPS):
        for name in METRICS:
            started.log_row(name, f"{name} of a class", **row_of(step))
    started.complete()

    run = Run(anywhere, run_id)
    assert run.get_status() == "Completed"
    metrics = run.get_metrics()
    assert list(metrics) == [
        *("Category", "scale factor", "Magic Number", "Fibonacci", "Sigmoid", "Cosine Wave", "Sine Wave", *METRICS)
    ]
    assert (metrics["Category"], metrics["scale factor"], metrics["Magic Number"]) == ("Red", 2, 84)
    assert metrics["Fibonacci"] == [number * scale for number in FIBONACCI]
    assert metrics["Sigmoid"] == sigmoid
    assert metrics["Cosine Wave"] == {"angle": angles, "cos": [math.cos(angle) for angle in angles]}
    assert metrics["Sine Wave"] == sine
    for name in METRICS:
        assert metrics[name] == {column: [row_of(step)[column] for step in range(_STEPS)] for column in row_of(0)}
    assert run.get_metrics("scale factor") == {"scale factor": 2}
    run.tag("My Favorite Run")
    run.tag("Competition Rank", 1)
    assert run.get_tags() == {"My Favorite Run": None, "Competition Rank": "1"}


def row_of(step: int) -> dict[str, float]:
    return {f"class {number}": (step + number) / 1_015 for number in range(15)}


def test_i2_a_command_shows_what_was_logged(anywhere: Experiment, location: str) -> None:
    """`run metrics`: each metric in short, and one point by point with its step."""
    run = anywhere.start_logging(snapshot_directory=None)
    for step in range(3):
        run.log("loss", 1 / (step + 1), step=step)
    run.complete()
    words = ("run", "metrics", "-w", location, "-r", run.id)

    assert call(*words, "--query", "[].[name, count, last_step, maximum]").json == [["loss", 3, 2, 1.0]]
    assert call(*words, "--name", "loss", "--query", "[].[step, value]").json == [[0, 1.0], [1, 0.5], [2, 1 / 3]]
