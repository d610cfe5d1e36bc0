"""The tables of the run view, and the statements that fill them; those that read are with the queries."""

TABLES = ("runs", "attributes", "run_attributes", "experiments", "run_words")

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
CREATE TABLE experiments{0} (name TEXT PRIMARY KEY, runs INTEGER NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE run_words{0} USING fts5 (words)
"""

# Each bears the suffix of its generation.
INSERT_ATTRIBUTE = "INSERT INTO attributes{0} (attribute, kind, key, value) VALUES (?, ?, ?, ?)"
INSERT_RUN_ATTRIBUTE = "INSERT INTO run_attributes{0} (attribute, created, run) VALUES (?, ?, ?)"
DELETE_RUN_ATTRIBUTE = "DELETE FROM run_attributes{0} WHERE attribute = ? AND created = ? AND run = ?"
UPSERT_RUN = """
INSERT INTO runs{0} (run, run_id, created, number, state) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (run) DO UPDATE SET number = excluded.number, state = excluded.state"""
REPLACE_WORDS = "INSERT OR REPLACE INTO run_words{0} (rowid, words) VALUES (?, ?)"
UPSERT_EXPERIMENT = """
INSERT INTO experiments{0} (name, runs) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET runs = excluded.runs"""


def schema(suffix: str) -> str:
    """The tables of one generation.

    `run_attributes` is in the order of a page, newest last, for each attribute: any page of any
    attribute is a short walk along the key. The number of a row of `run_words` is that of its run.
    """
    return _SCHEMA.format(suffix)
