"""The tables of the metrics view, and all of its SQL.

Long names stand once: runs, streams and metrics have numbers, in the order of the log. A chunk
holds points of one metric and one stream in columns; only the last chunk of such a pair may
still grow.
"""

VERSION = 2
TABLES = ("metric_source", "metric_runs", "metric_streams", "metrics", "metric_chunks")

SCHEMA = """
CREATE TABLE metric_source (version INTEGER NOT NULL, log_id TEXT NOT NULL);
CREATE TABLE metric_runs (run INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE);
CREATE TABLE metric_streams (
    stream INTEGER PRIMARY KEY, run INTEGER NOT NULL, name TEXT NOT NULL UNIQUE,
    seq INTEGER NOT NULL DEFAULT -1, skipped INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX metric_streams_run ON metric_streams (run);
CREATE TABLE metrics (
    metric INTEGER PRIMARY KEY, run INTEGER NOT NULL, name TEXT NOT NULL, family TEXT NOT NULL, shown TEXT NOT NULL,
    kind TEXT NOT NULL, count INTEGER NOT NULL DEFAULT 0, minimum REAL, maximum REAL,
    columns TEXT NOT NULL DEFAULT '[]', last TEXT, last_step INTEGER, last_time INTEGER,
    last_moment INTEGER NOT NULL DEFAULT -1, last_stream INTEGER NOT NULL DEFAULT 0,
    UNIQUE (run, name, family), UNIQUE (run, shown)
);
CREATE TABLE metric_chunks (
    chunk INTEGER PRIMARY KEY, metric INTEGER NOT NULL, stream INTEGER NOT NULL, count INTEGER NOT NULL,
    moment INTEGER NOT NULL, times BLOB NOT NULL, steps BLOB, cells BLOB NOT NULL
);
CREATE UNIQUE INDEX metric_chunks_order ON metric_chunks (metric, stream, chunk)
"""

SOURCE = "metric_source"
SELECT_SOURCE = "SELECT version, log_id FROM metric_source"
INSERT_SOURCE = "INSERT INTO metric_source (version, log_id) VALUES (?, ?)"

SELECT_RUN = "SELECT run FROM metric_runs WHERE run_id = ?"
INSERT_RUN = """INSERT INTO metric_runs (run, run_id)
VALUES ((SELECT coalesce(max(run), 0) + 1 FROM metric_runs), ?) RETURNING run"""

SELECT_STREAMS = """
SELECT s.name, s.stream, s.seq, s.skipped FROM metric_runs r JOIN metric_streams s ON s.run = r.run
WHERE r.run_id = ?"""
INSERT_STREAM = """INSERT INTO metric_streams (stream, run, name)
VALUES ((SELECT coalesce(max(stream), 0) + 1 FROM metric_streams), ?, ?) RETURNING stream"""
UPDATE_STREAM = "UPDATE metric_streams SET seq = ?, skipped = ? WHERE stream = ?"
SUM_SKIPPED = "SELECT coalesce(sum(skipped), 0) FROM metric_streams"

_METRIC = """metric, name, family, shown, kind, count, minimum, maximum, columns,
last, last_step, last_time, last_moment, last_stream"""
SELECT_METRIC = f"SELECT {_METRIC} FROM metrics WHERE run = ? AND name = ? AND family = ?"
SELECT_METRICS = f"""
SELECT {_METRIC} FROM metrics WHERE run = (SELECT run FROM metric_runs WHERE run_id = ?) ORDER BY metric"""
SELECT_SHOWN = f"""
SELECT {_METRIC} FROM metrics WHERE run = (SELECT run FROM metric_runs WHERE run_id = ?) AND shown = ?"""
_OF_RUN = "run = (SELECT run FROM metric_runs WHERE run_id = ?) AND instr(lower(shown), ?) > 0"
COUNT_FOUND = f"SELECT count(*) FROM metrics WHERE {_OF_RUN}"
SELECT_FOUND = f"SELECT {_METRIC} FROM metrics WHERE {_OF_RUN} ORDER BY metric LIMIT ? OFFSET ?"
IS_SHOWN = "SELECT 1 FROM metrics WHERE run = ? AND shown = ?"
INSERT_METRIC = """INSERT INTO metrics (metric, run, name, family, shown, kind)
VALUES ((SELECT coalesce(max(metric), 0) + 1 FROM metrics), ?, ?, ?, ?, ?) RETURNING metric"""
UPDATE_METRIC = """
UPDATE metrics SET kind = ?, count = ?, minimum = ?, maximum = ?, columns = ?,
last = ?, last_step = ?, last_time = ?, last_moment = ?, last_stream = ? WHERE metric = ?"""
SELECT_LAST_VALUES = """
SELECT shown, last FROM metrics WHERE run = (SELECT run FROM metric_runs WHERE run_id = ?)
AND family = ? AND count > 0 ORDER BY metric"""

SELECT_TAIL = """
SELECT chunk, count, moment FROM metric_chunks WHERE metric = ? AND stream = ? ORDER BY chunk DESC LIMIT 1"""
SELECT_CHUNK = "SELECT times, steps, cells FROM metric_chunks WHERE chunk = ?"
SELECT_CHUNKS = "SELECT stream, times, steps, cells FROM metric_chunks WHERE metric = ? ORDER BY stream, chunk"
INSERT_CHUNK = """
INSERT INTO metric_chunks (chunk, metric, stream, count, moment, times, steps, cells)
VALUES ((SELECT coalesce(max(chunk), 0) + 1 FROM metric_chunks), ?, ?, ?, ?, ?, ?, ?)"""
UPDATE_CHUNK = "UPDATE metric_chunks SET count = ?, moment = ?, times = ?, steps = ?, cells = ? WHERE chunk = ?"

# Each is given the number of a run.
DELETE_RUN = (
    "DELETE FROM metric_chunks WHERE metric IN (SELECT metric FROM metrics WHERE run = ?)",
    "DELETE FROM metrics WHERE run = ?",
    "DELETE FROM metric_streams WHERE run = ?",
    "DELETE FROM metric_runs WHERE run = ?",
)


def drop(table: str) -> str:
    """Drop one of the tables if it is there."""
    return f"DROP TABLE IF EXISTS {table}"
