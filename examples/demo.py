"""What `make demo` shows: a real training, its runs, what one logged, its history, a verified chain, and a mail.

With `--kafka` the training speaks HTTP to a server, whose log is on a real Apache Kafka broker; both
are started and stopped here.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from examples.mailbox import Mailbox

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".demo"
WORKSPACE = FOLDER / "workspace"
SECONDS = 30


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
    sys.path.insert(0, str(ROOT))
    from examples.mailbox import Mailbox  # noqa: PLC0415 - found once the path is set

    try:
        with Mailbox(FOLDER / "mails") as mailbox, workspace(mailbox, kafka=arguments.kafka) as location:
            show(location)
            title("Nothing was changed since it was written: runledger verify")
            verified = runledger("verify", "-w", str(WORKSPACE), "-o", "table")
            print(verified)
            expect("the chain is intact", "chain intact" in verified)
            show_mail(mailbox, location)
            show_page(location)
    except DemoError as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    print(f"\nDone in {time.monotonic() - began:.0f} s. The workspace is in {WORKSPACE.relative_to(ROOT)}/.")
    return 0


@contextmanager
def workspace(mailbox: "Mailbox", *, kafka: bool) -> Iterator[str]:
    """The path of a workspace, or the URL of a server with its log on a broker, for the time of the demo."""
    os.environ |= {"DEMO_SMTP_URL": mailbox.url}
    if not kafka:
        runledger("init", str(WORKSPACE))
        yield str(WORKSPACE)
        return
    from examples.kafka_broker import KafkaBroker  # noqa: PLC0415 - only this way of the demo needs it

    print("Starting Apache Kafka ...", flush=True)
    with KafkaBroker(FOLDER / "kafka") as broker:
        print(f"A broker answers at {broker.address}.")
        with server("--data", str(WORKSPACE), "--log", f"kafka://{broker.address}/demo") as url:
            print(f"A server with its log there answers at {url}.")
            yield url


@contextmanager
def server(*options: str) -> Iterator[str]:
    """The URL of a server that is stopped at the end of the block."""
    command = [sys.executable, "-m", "runledger", "server", *options, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as running:
        try:
            url = (running.stdout.readline() if running.stdout else "").strip()
            expect("the server starts", url.startswith("http"))
            yield url
        finally:
            running.terminate()
            running.wait(SECONDS)


def show(location: str) -> None:
    """The parts of the demo, each checked."""
    title("A rule: runledger alert create 'failed trainings' --experiment digits --recipient you@example.org")
    rule = ("alert", "create", "failed trainings", "--experiment", "digits", "--recipient", "you@example.org")
    runledger(*rule, location=location)
    print(runledger("alert", "list", "-o", "table", location=location))
    title("A script trains four classifiers; one training raises: python examples/train_digits.py")
    print(run([sys.executable, str(ROOT / "examples" / "train_digits.py")], location), end="")
    title("The runs, newest first: runledger run list")
    print(runledger("run", "list", "-o", "table", location=location))
    runs = json.loads(runledger("run", "list", "-o", "json", location=location))
    expect("four runs are listed", len(runs) == 4)
    expect("one has failed", [it["status"] for it in runs].count("Failed") == 1)
    best = next(it["run_id"] for it in runs if it["tags"].get("quality") == "great run")
    title(f"What the best run logged: runledger run metrics -r {best}")
    print(runledger("run", "metrics", "-r", best, "-o", "table", location=location))
    metrics = {it["name"]: it for it in json.loads(runledger("run", "metrics", "-r", best, location=location))}
    expect("every epoch's accuracy is there", metrics["accuracy"]["count"] == 12)
    title(f"Its history, event by event: runledger run history -r {best}")
    history = runledger("run", "history", "-r", best, "-o", "table", location=location)
    print(history)
    expect("the history shows the tag", "great run" in history)


def show_mail(mailbox: "Mailbox", location: str) -> None:
    """The mail about the training that failed, as the mail server got it."""
    title("The mail about the failed training, as a mail server on loopback received it")
    if not location.startswith("http"):
        # Nobody serves this workspace: one pass sends what is due.
        runledger("alert", "run", "--once", location=location)
    mail = mailbox.wait(SECONDS)
    if mail is None:
        raise DemoError("no mail came")
    print(f"envelope: from {mail.sender} to {', '.join(mail.recipients)}")
    for name, value in mail.message.items():
        print(f"{name}: {value}")
    print(f"\n{mail.text()}\nThe whole mail is in {mail.file.relative_to(ROOT)}.")
    expect("the mail is about the failed run", "exploding steps" in str(mail.message["subject"]))
    expect("one mail came", len(mailbox.received) == 1)


def show_page(location: str) -> None:
    """The pages: by the server that is there, else by one on the workspace."""
    title("Its pages: runledger server")
    here = nullcontext(location) if location.startswith("http") else server("--workspace", str(WORKSPACE))
    with here as url, urllib.request.urlopen(f"{url}/runs", timeout=SECONDS) as answer:  # noqa: S310 - on loopback
        page = answer.read().decode()
    expect("the page lists the runs", "Completed" in page and "Failed" in page)
    command = f".venv/bin/runledger server --workspace {WORKSPACE.relative_to(ROOT)}"
    print(f"{url}/runs lists the runs.", "" if location.startswith("http") else f"To look at it: {command}")


def runledger(*arguments: str, location: str = "") -> str:
    """The output of a command, in a workspace."""
    return run([sys.executable, "-m", "runledger", *arguments], location)


def run(command: list[str], location: str) -> str:
    """The output of a program that must succeed."""
    variables = environment() | {"RUNLEDGER_WORKSPACE": location}
    done = subprocess.run(command, cwd=FOLDER, env=variables, stdout=subprocess.PIPE, text=True, check=False)
    expect(f"`{' '.join(Path(part).name for part in command)}` succeeds", done.returncode == 0)
    return done.stdout


def environment() -> dict[str, str]:
    """The environment without the user's own settings of the ledger."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RUNLEDGER_")}
    mail = {"RUNLEDGER_SMTP_URL": os.environ.get("DEMO_SMTP_URL", ""), "RUNLEDGER_MAIL_FROM": "ledger@example.org"}
    return kept | mail | {"COLUMNS": "140", "XDG_STATE_HOME": str(FOLDER / "state")}


def expect(what: str, holds: bool) -> None:
    """Fail the demo unless something holds."""
    if not holds:
        raise DemoError(f"it does not hold that {what}")


def title(text: str) -> None:
    """A line above a part."""
    print(f"\n\033[1m== {text}\033[0m\n" if sys.stdout.isatty() else f"\n== {text}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
