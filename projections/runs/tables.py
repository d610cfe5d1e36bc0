"""The tables of the run view, and the statements that fill them; those that read are with the queries."""

TABLES = ("runs", "attributes", "run_attributes", "run_values", "facets", "experiments", "run_terms", "run_words")

_SCHEMA = """
CREATE TABLE runs{0} (
    run INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE, created INTEGER NOT NULL, number INTEGER NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, fork INTEGER, latest INTEGER NOT NULL, state TEXT NOT NULL
);
CREATE INDEX runs{0}_created ON runs{0} (created, run);
CREATE INDEX runs{0}_changed ON runs{0} (fork, first, last) WHERE fork IS NOT NULL;
CREATE TABLE attributes{0} (
    attribute INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    UNIQUE (kind, key, value)
);
CREATE TABLE run_attributes{0} (
    attribute INTEGER, created INTEGER, run INTEGER, PRIMARY KEY (attribute, created, run)
) WITHOUT ROWID;
CREATE TABLE run_values{0} (
    run INTEGER, field TEXT, value, created INTEGER NOT NULL, PRIMARY KEY (run, field)
) WITHOUT ROWID;
CREATE INDEX run_values{0}_order ON run_values{0} (field, value, created, run);
CREATE TABLE facets{0} (
    scope TEXT, kind TEXT, key TEXT, value TEXT, runs INTEGER NOT NULL, PRIMARY KEY (scope, kind, key, value)
) WITHOUT ROWID;
CREATE TABLE experiments{0} (name TEXT PRIMARY KEY, runs INTEGER NOT NULL, active INTEGER NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE run_words{0} USING fts5 (words);
CREATE VIRTUAL TABLE run_terms{0} USING fts5vocab (run_words{0}, instance)
"""

# Each bears the suffix of its generation.
INSERT_ATTRIBUTE = "INSERT INTO attributes{0} (attribute, kind, key, value) VALUES (?, ?, ?, ?)"
INSERT_RUN_ATTRIBUTE = "INSERT INTO run_attributes{0} (attribute, created, run) VALUES (?, ?, ?)"
DELETE_RUN_ATTRIBUTE = "DELETE FROM run_attributes{0} WHERE attribute = ? AND created = ? AND run = ?"
UPSERT_RUN = """
INSERT INTO runs{0} (run, run_id, created, number, first, last, fork, latest, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run) DO UPDATE SET
number = excluded.number, last = excluded.last, fork = excluded.fork, state = excluded.state"""
UPSERT_EXPERIMENT = """
INSERT INTO experiments{0} (name, runs, active) VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET runs = excluded.runs, active = excluded.active"""
DELETE_VALUE = "DELETE FROM run_values{0} WHERE run = ? AND field = ?"
DROP_UNUSED = """
DELETE FROM attributes{0} WHERE NOT EXISTS (
    SELECT 1 FROM run_attributes{0} r WHERE r.attribute = attributes{0}.attribute
)"""
SELECT_METRICS = "SELECT field, value FROM run_values{0} WHERE run = ? AND field >= 'metric.' AND field < 'metric/'"
SELECT_RUNS = "SELECT run_id, run, created, number, first, latest, state FROM runs{0} WHERE run_id IN ({values})"
SELECT_NEWEST = "SELECT run, latest FROM runs{0} ORDER BY run DESC LIMIT 1"
SELECT_LAST_ATTRIBUTE = "SELECT coalesce(max(attribute), 0) FROM attributes{0}"
SELECT_EXPERIMENT = "SELECT runs, active FROM experiments{0} WHERE name = ?"
SELECT_ATTRIBUTES = """WITH wanted (kind, key, value) AS (VALUES {values})
SELECT a.kind, a.key, a.value, a.attribute FROM wanted w CROSS JOIN attributes{0} a
WHERE a.kind = w.kind AND a.key = w.key AND a.value = w.value"""
COUNT_FACET = """
INSERT INTO facets{0} (scope, kind, key, value, runs) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (scope, kind, key, value) DO UPDATE SET runs = facets{0}.runs + excluded.runs"""
DROP_FACET = "DELETE FROM facets{0} WHERE scope = ? AND kind = ? AND key = ? AND value = ? AND runs <= 0"


def schema(suffix: str) -> str:
    """The tables of one generation.

    A run has the positions of its `first` and `last` event, `fork` by which those are found that changed
    behind a position (`projections.runs.changed`), and `latest`, the greatest `created` up to its number.
    `run_attributes` is in the order of a page, newest last, for each attribute: any page of any
    attribute is a short walk along the key. The number of a row of `run_words` is that of its run;
    `run_terms` shows which words there are.
    `run_values` is what runs are ordered by, and what lies between bounds: times, parameters, and the
    last values of metrics of runs that have ended. `facets` counts runs by what they have, in the
    workspace, in an experiment and below a parent.
    """
    return _SCHEMA.format(suffix)
