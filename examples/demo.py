"""What `make demo` shows: a script's runs in a table, one run's history, a verified chain.

With `--kafka` the same happens on a real Apache Kafka broker, started and stopped here.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".demo"
WORKSPACE = FOLDER / "workspace"


class DemoError(Exception):
    """A part of the demo is missing or wrong."""


def main() -> int:
    """Run the demo; 0 if every part was there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kafka", action="store_true", help="keep the logs on an Apache Kafka broker")
    arguments = parser.parse_args()
    began = time.monotonic()
    shutil.rmtree(FOLDER, ignore_errors=True)
    WORKSPACE.mkdir(parents=True)
    try:
        with log_address(kafka=arguments.kafka) as address:
            show(address)
    except DemoError as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    print(f"\nDone in {time.monotonic() - began:.0f} s. The workspace is in {WORKSPACE.relative_to(ROOT)}/.")
    return 0


@contextmanager
def log_address(*, kafka: bool) -> Iterator[str]:
    """Where the logs are: in the workspace's SQLite file, or on a broker for the time of the demo."""
    if not kafka:
        yield "sqlite"
        return
    sys.path.insert(0, str(ROOT))
    from examples.kafka_broker import KafkaBroker  # noqa: PLC0415 - only this way of the demo needs it

    print("Starting Apache Kafka ...", flush=True)
    with KafkaBroker(FOLDER / "kafka") as broker:
        print(f"A broker answers at {broker.address}.")
        yield f"kafka://{broker.address}/demo"


def show(address: str) -> None:
    """The parts of the demo, each checked."""
    title("A script starts four runs; one fails")
    runledger("init", "--log", address, str(WORKSPACE))
    print(run([sys.executable, str(ROOT / "examples" / "first_runs.py")]), end="")
    title("The runs, newest first: runledger run list")
    print(runledger("run", "list", "-o", "table"))
    runs = json.loads(runledger("run", "list", "-o", "json"))
    expect("four runs are listed", len(runs) == 4)
    expect("one has failed", [it["status"] for it in runs].count("Failed") == 1)
    best = next(it for it in runs if it["tags"].get("quality") == "fantastic run")
    title(f"The history of one run, event by event: runledger run history -r {best['run_id']}")
    history = runledger("run", "history", "-r", best["run_id"], "-o", "table")
    print(history)
    expect("the history shows the tag before and after", "great run" in history and "fantastic run" in history)
    title("Nothing was changed since it was written: runledger verify")
    verified = runledger("verify", "-o", "table")
    print(verified)
    expect("the chain is intact", "chain intact" in verified)


def runledger(*arguments: str) -> str:
    """The output of a command, in the demo's workspace."""
    return run([sys.executable, "-m", "runledger", *arguments])


def run(command: list[str]) -> str:
    """The output of a program that must succeed."""
    environment = os.environ | {"RUNLEDGER_WORKSPACE": str(WORKSPACE), "COLUMNS": "120"}
    environment.pop("RUNLEDGER_LOG", None)
    done = subprocess.run(command, cwd=WORKSPACE, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    expect(f"`{' '.join(Path(part).name for part in command)}` succeeds", done.returncode == 0)
    return done.stdout


def expect(what: str, holds: bool) -> None:
    """Fail the demo unless something holds."""
    if not holds:
        raise DemoError(f"it does not hold that {what}")


def title(text: str) -> None:
    """A line above a part."""
    print(f"\n\033[1m== {text}\033[0m\n" if sys.stdout.isatty() else f"\n== {text}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
