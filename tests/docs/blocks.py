"""Every code block of README and docs is run, in order, each document in a folder of its own."""

import os
import subprocess
import sys
from pathlib import Path

from sybil import Document, Example

ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 120
BROKER = "localhost:9092"
"""Where a broker runs, as documents have it."""


POSTGRES = "postgresql://postgres@localhost:5432/postgres"
"""Where a PostgreSQL server runs, as documents have it."""


def folder_of(document: Document) -> Path:
    """A folder for the document, made at its first block."""
    folder: Path = document.namespace["folder"]
    return folder


def _text(example: Example) -> str:
    """The block, with the addresses of a broker and a database that there are."""
    text: str = example.parsed
    known = example.document.namespace
    return text.replace(BROKER, known.get("broker", BROKER)).replace(POSTGRES, known.get("postgres", POSTGRES))


def run(command: list[str], folder: Path) -> str | None:
    """Run a program as a reader would; a text says what went wrong."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RUNLEDGER_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    return None if done.returncode == 0 else f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"


def run_python(example: Example) -> str | None:
    """A script of its own, beside the workspace."""
    folder = folder_of(example.document)
    script = folder / f"block_{example.line}.py"
    script.write_text(_text(example), encoding="utf-8")
    return run([sys.executable, str(script)], folder)


def run_console(example: Example) -> str | None:
    """Each line behind a `$ ` is a command that must succeed."""
    for line in _text(example).splitlines():
        if line.startswith("$ "):
            failed = run(["bash", "-c", line[2:]], folder_of(example.document))
            if failed is not None:
                return failed
    return None
