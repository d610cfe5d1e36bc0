"""Start, monitor and track runs: every step of the article, on a workspace that is a folder or a server.

    runledger init
    python examples/story.py            # the nearest workspace
    python examples/story.py http://127.0.0.1:5470

Scripts that it submits are in story_scripts/.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import runledger
from runledger import Experiment, Run, ScriptRunConfig, ServiceException, Workspace

SCRIPTS = Path(__file__).resolve().parent / "story_scripts"
NAME = "explore-runs"


def start_and_monitor(experiment: Experiment) -> Run:
    """Start a run, log to it, look at it, and end it in two ways."""
    notebook_run = experiment.start_logging()
    notebook_run.log(name="message", value="Hello from run!")
    print(notebook_run.get_status())
    print(notebook_run.get_details())
    notebook_run.complete()
    print(notebook_run.get_status())

    with experiment.start_logging() as notebook_run:
        notebook_run.log(name="message", value="Hello from run!")
        print(notebook_run.get_status(), "in the block")
    print(notebook_run.get_status(), "behind it:", notebook_run.get_metrics())
    return notebook_run


def look_by_commands(location: str, run: Run) -> None:
    """The same by commands, which a terminal shows as tables."""
    command(location, "run", "list", "--experiment-name", NAME, "--minimal", "--last", "2")
    command(location, "run", "show", "-r", run.id, "--query", "{status: status, target: target}")


def describe(run: Run) -> None:
    """A description in Markdown: set, changed, cleared, set again."""
    run.description = "first words"
    run.description = None
    run.description = "# What it is about\n\nA run that says *hello*."
    print(run.description)


def add_properties(run: Run) -> None:
    """A property is written once."""
    run.add_properties({"author": "azureml-user"})
    print(run.get_properties()["author"])
    try:
        run.add_properties({"author": "different-user"})
    except ServiceException as error:
        print(error)


def tag(location: str, run: Run) -> None:
    """A tag changes as often as you like, here and by a command."""
    run.tag("quality", "great run")
    print(run.get_tags())
    run.tag("quality", "fantastic run")
    print(run.get_tags())
    run.tag("worth another look")
    command(location, "run", "update", "-r", run.id, "--add-tag", "seen by=a command", "--query", "tags")


def find(location: str, experiment: Experiment) -> None:
    """Runs by properties and tags: every pair, or a key with any value; the same by JMESPath."""
    print(list(experiment.get_runs(properties={"author": "azureml-user"}, tags={"quality": "fantastic run"})))
    print(list(experiment.get_runs(properties={"author": "azureml-user"}, tags="worth another look")))
    for condition in (
        "properties.author=='azureml-user'",
        "tags.keys(@)[?starts_with(@, 'worth another look')]",
        "properties.author=='azureml-user' && tags.quality=='fantastic run'",
    ):
        words = ("run", "list", "--experiment-name", NAME, "--query", f"[?{condition}].run_id", "-o", "tsv")
        command(location, *words)
    command(location, "run", "list", "--search", "hello", "--query", "[].run_id", "-o", "tsv")


def submit(experiment: Experiment) -> None:
    """Scripts run by themselves, and are watched from here."""
    run = experiment.submit(ScriptRunConfig(source_directory=SCRIPTS, script="hello.py"))
    run.wait_for_completion(show_output=True)
    print(run.get_status(), run.get_metrics())


def cancel_and_fail(location: str, experiment: Experiment) -> None:
    """End what takes too long: by the handle, as failed, and by a command."""
    delayed = ScriptRunConfig(source_directory=SCRIPTS, script="hello_with_delay.py")
    local_run = experiment.submit(delayed)
    local_run.cancel()
    print(local_run.get_status())

    local_run = experiment.submit(delayed)
    local_run.fail("it took too long")
    print(local_run.get_status(), local_run.get_details()["error"])

    local_run = experiment.submit(delayed)
    command(location, "run", "cancel", "-r", local_run.id, "-e", NAME)


def make_children(experiment: Experiment) -> None:
    """Children in three ways: by a block, by a batch in a submitted script, each submitted by itself."""
    with experiment.start_logging() as parent_run:
        for number in range(5):
            with parent_run.child_run(name=f"child {number}") as child:
                child.log(name="Hello from child run", value=number)
    print(len(list(parent_run.get_children())), "children of", parent_run.get_status())

    script = ScriptRunConfig(source_directory=SCRIPTS, script="hello_with_children.py")
    local_run = experiment.submit(script)
    local_run.wait_for_completion()
    print(len(list(local_run.get_children())), "children, with all below", len(list(local_run.get_children(True))))
    print(list(local_run.get_metrics()), "logged to the root from below")

    with experiment.start_logging() as run:
        for fruit in ("Apple", "Banana", "Cherry"):
            arguments = ["--fruit", fruit]
            run.submit_child(ScriptRunConfig(SCRIPTS, "fruit.py", arguments, compute_target="local"))
        for child in run.get_children():
            child.wait_for_completion()
    print(sorted(metrics["fruit"] for metrics in run.get_metrics(recursive=True).values()))


def command(location: str, *words: str) -> None:
    """A command as it is typed, and what it writes."""
    print("$ runledger", subprocess.list2cmdline(words))
    done = subprocess.run(
        [sys.executable, "-m", "runledger", *words, "-w", location], check=True, stdout=subprocess.PIPE, text=True
    )
    print(done.stdout.rstrip())


def main(location: str | None) -> None:
    """The whole story."""
    print("runledger", runledger.VERSION)
    workspace = Workspace(location) if location else Workspace.from_config()
    experiment = Experiment(workspace=workspace, name=NAME)
    run = start_and_monitor(experiment)
    place = workspace.location
    chapters: tuple[tuple[str, Callable[[], None]], ...] = (
        ("Look by commands", lambda: look_by_commands(place, run)),
        ("Describe", lambda: describe(run)),
        ("Properties", lambda: add_properties(run)),
        ("Tags", lambda: tag(place, run)),
        ("Find", lambda: find(place, experiment)),
        ("Submit", lambda: submit(experiment)),
        ("Cancel and fail", lambda: cancel_and_fail(place, experiment)),
        ("Children", lambda: make_children(experiment)),
    )
    for title, tell in chapters:
        print(f"\n{title}\n{'-' * len(title)}")
        tell()
    workspace.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
