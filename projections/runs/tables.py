"""The SQL of the run table, all of it."""

TABLES = ("runs", "attributes", "run_attributes", "experiments")

_SCHEMA = """
CREATE TABLE runs{0} (
    run INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE, created INTEGER NOT NULL, number INTEGER NOT NULL,
    state TEXT NOT NULL
);
CREATE INDEX runs{0}_created ON runs{0} (created, run);
CREATE TABLE attributes{0} (
    attribute INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    UNIQUE (kind, key, value)
);
CREATE TABLE run_attributes{0} (
    attribute INTEGER, created INTEGER, run INTEGER, PRIMARY KEY (attribute, created, run)
) WITHOUT ROWID;
CREATE TABLE experiments{0} (name TEXT PRIMARY KEY, runs INTEGER NOT NULL) WITHOUT ROWID
"""


def schema(suffix: str) -> str:
    """The tables of one generation.

    `run_attributes` is in the order of a page, newest last, for each attribute: any page of any
    attribute is a short walk along the key.
    """
    return _SCHEMA.format(suffix)
