"""A workspace of a million runs, made once and kept in build/lists/: 2.5 GB.

The last 12,000 runs are real: hashed events of the log, which the projections read. The rows of the
others are written straight into the tables of the view, a table at a time in the order of its index, as
the projection would have written them (a test compares the two): no question of a list as it is reads an
event. Their places lie before the log's beginning, each run's next to each other.
RUNLEDGER_BENCH_RUNS sets another number of runs.
"""

import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from pydantic_core import to_json

from benchmarks.events import now
from ledger.feed import Feed
from ledger.logs.log import chain
from ledger.logs.sqlite import SqliteLog, open_sqlite_log
from ledger.metrics import Scalar
from ledger.store.database import Database
from ledger.workspace.folder import FOLDER
from projections.answers import PROJECTIONS
from projections.runner import catch_up
from projections.runs.changed import fork_of
from projections.runs.projection import RunsProjection
from projections.sqlite.view import SqliteView
from runledger.wiring import make_workspace
from schemas.events import Event, Personal, RunParameterAddedEvent, RunStartedEvent, RunStatusChangedEvent, Seal
from schemas.records import Envelope
from schemas.statuses import RunStatus

RUNS = int(os.environ.get("RUNLEDGER_BENCH_RUNS", "1000000"))
CHILDREN = 10_000
METRICS = 10_000
REAL = 12_000
"""So many of the last runs are events of the log."""
_FOLDER = Path(__file__).resolve().parent.parent / "build" / "lists"
_FIRST = 1_735_689_600
_PRIME = 1_000_003
_ENDS = (RunStatus.COMPLETED,) * 8 + (RunStatus.FAILED, RunStatus.CANCELED)

# What `events_of` says, for all runs at once; `n` has what several tables need.
ALL_RUNS = """
CREATE TEMP TABLE n AS
WITH RECURSIVE c (number) AS (VALUES (0) UNION ALL SELECT number + 1 FROM c WHERE number < {runs} - 1)
SELECT number, number + 1 AS run, (number + 1 - {runs}) * 3 AS place,
    CASE number WHEN 0 THEN 'parent' ELSE printf('run-%07d', number) END AS run_id,
    ({first} + number * 30) * 1000000 AS created,
    ({first} + number * 30 + number * 7919 % 3600) * 1000000 AS ended,
    number * 2654435761 % {prime} / {prime}.0 AS spread,
    CASE number % 10 WHEN 8 THEN 'Failed' WHEN 9 THEN 'Canceled' ELSE 'Completed' END AS status,
    CASE number % 3 WHEN 0 THEN 'gpu' ELSE 'local' END AS target,
    printf('e%d', number % 50) AS experiment, printf('u%d', number % 40) AS submitter,
    printf('t%d', number % 20) AS team, printf('a%d', number % 300) AS author,
    printf('%08x', number * 40503 % 4294967296) AS hash,
    number BETWEEN 1 AND {children} AS child, number % 5000 = 0 AS rare
FROM c"""
_RUNS = """
INSERT INTO runs{0} (run, run_id, created, number, first, last, fork, latest, state)
SELECT run, run_id, created, number / 50 + 1, place - 2, place, fork_of(place - 2, place), created,
    '{{"experiment":"' || experiment || '","status":"' || status
    || '","attempt":1,"created":' || created || ',"created_by":"' || submitter
    || '","tags":{{"team":"' || team || '","quality":null' || CASE WHEN rare THEN ',"rare":"yes"' ELSE '' END
    || '}},"properties":{{"author":"' || author || '","commit":"' || hash
    || '"}},"parameters":{{"lr":' || as_json(spread) || '}},"last_position":' || place
    || ',"experiment_id":"i' || substr(experiment, 2) || '","run_type":"runledger.run","target":"' || target
    || '","display_name":"run ' || number || '"'
    || CASE WHEN child THEN ',"parent_run_id":"parent","root_run_id":"parent"' ELSE '' END
    || ',"started":' || created || ',"ended":' || ended || '}}'
FROM n ORDER BY run"""
_FACTS = """
CREATE TEMP TABLE facts AS
SELECT 'status' AS kind, '' AS key, status AS value, run, created FROM n
UNION ALL SELECT 'experiment', '', experiment, run, created FROM n
UNION ALL SELECT 'submitter', '', submitter, run, created FROM n
UNION ALL SELECT 'run_type', '', 'runledger.run', run, created FROM n
UNION ALL SELECT 'target', '', target, run, created FROM n
UNION ALL SELECT 'parent_run_id', '', 'parent', run, created FROM n WHERE child
UNION ALL SELECT 'root_run_id', '', 'parent', run, created FROM n WHERE child
UNION ALL SELECT 'top-level', '', '', run, created FROM n WHERE NOT child
UNION ALL SELECT 'tag key', 'team', '', run, created FROM n
UNION ALL SELECT 'tag', 'team', team, run, created FROM n
UNION ALL SELECT 'tag key', 'quality', '', run, created FROM n
UNION ALL SELECT 'tag bare', 'quality', '', run, created FROM n
UNION ALL SELECT 'tag key', 'rare', '', run, created FROM n WHERE rare
UNION ALL SELECT 'tag', 'rare', 'yes', run, created FROM n WHERE rare
UNION ALL SELECT 'property key', 'author', '', run, created FROM n
UNION ALL SELECT 'property', 'author', author, run, created FROM n
UNION ALL SELECT 'property key', 'commit', '', run, created FROM n
UNION ALL SELECT 'property', 'commit', hash, run, created FROM n
UNION ALL SELECT 'parameter key', 'lr', '', run, created FROM n
UNION ALL SELECT 'parameter', 'lr', as_text(spread), run, created FROM n"""
_VALUES = """
INSERT INTO run_values{0} (run, field, value, created)
SELECT run, 'duration', ended - created, created FROM n
UNION ALL SELECT run, 'ended', ended, created FROM n
UNION ALL SELECT run, 'metric.acc', 1 - spread, created FROM n
UNION ALL SELECT run, 'metric.loss', spread, created FROM n
UNION ALL SELECT run, 'name', 'run ' || number, created FROM n
UNION ALL SELECT run, 'parameter.lr', spread, created FROM n
UNION ALL SELECT run, 'started', created, created FROM n
UNION ALL SELECT n.run, printf('metric.m%05d', m.number), m.number * 1.0, n.created
    FROM n AS m CROSS JOIN n WHERE n.number = {children} + 1 AND m.number < {metrics}
ORDER BY 1, 2"""
_FILL = (
    ALL_RUNS,
    _RUNS,
    "DROP INDEX runs{0}_created",
    "CREATE INDEX runs{0}_created ON runs{0} (created, run)",
    _FACTS,
    "INSERT INTO attributes{0} (kind, key, value) SELECT DISTINCT kind, key, value FROM facts ORDER BY 1, 2, 3",
    """INSERT INTO run_attributes{0} (attribute, created, run) SELECT attribute, created, run
    FROM facts JOIN attributes{0} USING (kind, key, value) ORDER BY 1, 2, 3""",
    "DROP INDEX run_values{0}_order",
    _VALUES,
    "CREATE INDEX run_values{0}_order ON run_values{0} (field, value, created, run)",
    """INSERT INTO facets{0} (scope, kind, key, value, runs)
    WITH counted AS (
        SELECT kind, key, value, run FROM facts
        WHERE kind NOT IN ('parent_run_id', 'root_run_id', 'top-level')
        UNION ALL SELECT 'metric key', substr(field, 8), '', run FROM run_values{0}
        WHERE field >= 'metric.' AND field < 'metric/'
    )
    SELECT '', kind, key, value, count(*) FROM counted GROUP BY 2, 3, 4
    UNION ALL SELECT printf('experiment:e%d', (run - 1) % 50), kind, key, value, count(*)
    FROM counted GROUP BY 1, 2, 3, 4
    UNION ALL SELECT 'parent:parent', 'status', '', status, count(*) FROM n WHERE child GROUP BY status
    ORDER BY 1, 2, 3, 4""",
    """INSERT INTO experiments{0} (name, runs, active)
    SELECT experiment, count(*), max(max(ended, created)) FROM n GROUP BY 1""",
    """INSERT INTO run_words{0} (rowid, words)
    SELECT run, run_id || char(10) || experiment || char(10) || lower(status) || char(10) || 'run ' || number
        || char(10) || submitter || char(10) || target || char(10) || 'team' || char(10) || team
        || char(10) || 'quality' || CASE WHEN rare THEN char(10) || 'rare' || char(10) || 'yes' ELSE '' END
        || char(10) || 'author' || char(10) || author || char(10) || 'commit' || char(10) || hash
    FROM n ORDER BY run""",
)


def million(runs: int = RUNS) -> Path:
    """The workspace's folder, made unless it is there."""
    place = _FOLDER / f"{runs}-{RunsProjection.version}-{REAL}"
    if not place.exists():
        print(f"making {runs:,} runs in {place}, 2.5 GB a million", file=sys.stderr, flush=True)
        unfinished = place.with_suffix(".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        make(unfinished, runs)
        unfinished.rename(place)
    return place


def make(place: Path, runs: int, real: int = REAL) -> None:
    """A workspace with so many runs, the last of them real."""
    make_workspace(place, log="sqlite")
    files = place / FOLDER
    with (
        closing(Database(files / "ledger.db", durable=False)) as database,
        closing(SqliteView(files / "views.db")) as view,
    ):
        log = open_sqlite_log(database, "control", source="//bench", actor="bench", now=now)
        with view.writing():
            suffix = view.begin(PROJECTIONS[0], log.id).suffix
        if runs > real:
            with closing(sqlite3.connect(view.path, isolation_level=None)) as connection:
                write_rows(connection, suffix, runs - real)
        for number in range(max(runs - real, 0), runs):
            append_run(log, number)
        for projection in PROJECTIONS:
            catch_up(view, projection, Feed(log.id, database))


def write_rows(connection: sqlite3.Connection, suffix: str, runs: int) -> None:
    """The rows of the first runs, into the empty tables of a view."""
    connection.create_function("as_text", 1, str, deterministic=True)
    connection.create_function("fork_of", 2, fork_of, deterministic=True)
    connection.create_function("as_json", 1, lambda value: to_json(value).decode(), deterministic=True)
    connection.execute("PRAGMA cache_size=-400000")
    connection.execute("PRAGMA synchronous=OFF")
    for number, statement in enumerate(_FILL, 1):
        connection.execute(statement.format(suffix, **names_for(runs)))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        print(f"  {number} of {len(_FILL)}", file=sys.stderr, flush=True)


def names_for(runs: int) -> dict[str, int]:
    """What the statements name, for so many runs."""
    return {"runs": runs, "children": CHILDREN, "metrics": METRICS, "first": _FIRST, "prime": _PRIME}


def append_run(log: SqliteLog, number: int) -> None:
    """Append the events of a run."""
    run_id = run_id_of(number)
    moments = (_FIRST + number * 30, _FIRST + number * 30, _FIRST + number * 30 + number * 7919 % 3_600)
    envelopes = [
        Envelope(
            f"run:{run_id}", seq, "", f"{run_id}-{seq}", "//bench", event.type_name(), _iso(at), who, event.to_value()
        )
        for who in (f"u{number % 40}",)
        for seq, (at, event) in enumerate(zip(moments, events_of(number), strict=True), 1)
    ]
    log.append(chain(log.id, envelopes))


def run_id_of(number: int) -> str:
    """The first run has children."""
    return f"run-{number:07}" if number else "parent"


def events_of(number: int) -> Iterator[Event]:
    """One run: its beginning, a parameter, its end; the one behind the children has 10,000 metrics."""
    parent = "parent" if 0 < number <= CHILDREN else None
    spread = number * 2_654_435_761 % _PRIME / _PRIME
    metrics: dict[str, Scalar] = {"loss": spread, "acc": 1 - spread}
    if number == CHILDREN + 1:
        metrics |= {f"m{metric:05}": float(metric) for metric in range(METRICS)}
    tags: dict[str, Personal | None] = {"team": f"t{number % 20}", "quality": None}
    if number % 5_000 == 0:
        tags["rare"] = "yes"
    yield RunStartedEvent(
        experiment=f"e{number % 50}",
        experiment_id=f"i{number % 50}",
        display_name=f"run {number}",
        target="gpu" if number % 3 == 0 else "local",
        tags=tags,
        properties={"author": f"a{number % 300}", "commit": f"{number * 40_503 % (1 << 32):08x}"},
        parent_run_id=parent,
        root_run_id=parent,
    )
    yield RunParameterAddedEvent(key="lr", value=spread)
    yield RunStatusChangedEvent(previous=RunStatus.RUNNING, status=_ENDS[number % 10], seal=Seal(last_values=metrics))


def _iso(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%FT%T}.000000Z"
