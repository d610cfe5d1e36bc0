"""Runs that have words, in two tables: `run_terms` has a row for each word of a run, `run_words` all words of a run.

The second has them between blanks, in their order: words that stand together are looked up there, and so is what many
runs have. Words and answers are those of SQLite's full-text search.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from projections.connection import Connection, Document
from projections.dialect import Search
from projections.postgres.long_texts import BEGINNING
from projections.postgres.tokens import tokens_of
from projections.sql import Sql, upper

LONGEST = BEGINNING // 4
"""So many characters of a word are in the index, the rest is looked up among all words."""

_FACTOR = 5
"""So many times what is counted is read first: words with one beginning may be of one run."""

_TERM = "SELECT term FROM run_terms WHERE term >= ? AND term < ? ORDER BY term LIMIT 1"
_OLD = "SELECT run, words FROM run_words{0} WHERE "
_PUT = """INSERT INTO run_words{0} (run, words) VALUES (?, ?)
ON CONFLICT (run) DO UPDATE SET words = excluded.words"""
_ADD = "INSERT INTO run_terms{0} (term, run) VALUES (?, ?)"
_DELETE = "DELETE FROM run_terms{0} WHERE term = ? AND run = ?"


def put_words(connection: Connection, suffix: str, rows: Sequence[tuple[int, str]]) -> None:
    """Store the words of runs, and take away those that they no longer have."""
    if not rows:
        return
    runs = [run for run, _ in rows]
    old = Sql(_OLD.format(suffix)) + connection.dialect.among("run", runs)
    before = {run: _terms(words.split()) for run, words in connection.execute(*old)}
    tokens = dict(zip(runs, tokens_of([words for _, words in rows]), strict=True))
    after = {run: _terms(found) for run, found in tokens.items()}
    gone = [(term, run) for run, terms in before.items() for term in terms - after[run]]
    come = [(term, run) for run, terms in after.items() for term in terms - before.get(run, set())]
    connection.executemany(_DELETE.format(suffix), gone)
    connection.executemany(_ADD.format(suffix), sorted(come))
    texts = [(run, Document(f" {' '.join(found)} ")) for run, found in tokens.items()]
    connection.executemany(_PUT.format(suffix), texts)


def _terms(tokens: Sequence[str]) -> set[str]:
    return {token[:LONGEST] for token in tokens}


@dataclass(frozen=True, slots=True)
class _Range:
    """Rows of `run_terms` among which all runs are that have a word; `exact`: they are of one term."""

    least: str
    end: str
    exact: bool

    def of(self, alias: str) -> Sql:
        """The condition on a row."""
        if self.exact:
            return Sql(f"{alias}.term = ?", [self.least])
        return Sql(f"{alias}.term >= ? AND {alias}.term < ?", [self.least, self.end])


def search(connection: Connection, words: Sequence[str], counted: int) -> Search | None:
    """How runs are found that have all of these words."""
    sought = tokens_of(words)
    if not sought or not all(sought):
        return None
    ranges = [_range(connection, tokens) for tokens in sought]
    if any(each is None for each in ranges):
        return None
    among = [each for each in ranges if each is not None]
    # A row of the index says all of a word, unless it is cut there or others stand beside it.
    beside = [tokens for tokens in sought if len(tokens) > 1 or len(tokens[0]) > LONGEST]
    found = _found(among, beside)
    count = _counted(connection, found, among[0] if len(among) == 1 and not beside else None, counted)
    way = Sql("(") + found + Sql(") w CROSS JOIN runs a WHERE a.run = w.run")
    exact = all(each.exact for each in among) and not beside
    return Search(count, way, _in_words("a.run", sought), _bounded(among) if exact else None)


def _range(connection: Connection, tokens: Sequence[str]) -> _Range | None:
    """The rows of one token: of the longest, which is mostly the rarest. The last one may go on."""
    *exact, last = tokens
    longest = max(exact, key=len, default="")[:LONGEST]
    if len(longest) > len(last):
        return _Range(longest, longest, exact=True)
    begin = last[:LONGEST]
    end = upper(begin) or "\U0010ffff"
    first = connection.execute(_TERM, (begin, end)).fetchone()
    if first is None:
        return None
    more = connection.execute(_TERM, (f"{first[0]}\x01", end)).fetchone()
    return _Range(first[0], first[0], exact=True) if more is None else _Range(begin, end, exact=False)


def _found(ranges: Sequence[_Range], beside: Sequence[Sequence[str]]) -> Sql:
    """The numbers of the runs, each once."""
    if len(ranges) == 1:
        once = "" if ranges[0].exact else "DISTINCT "
        found = Sql(f"SELECT {once}t.run FROM run_terms t WHERE ") + ranges[0].of("t")
    else:
        parts = [Sql("SELECT t.run FROM run_terms t WHERE ") + each.of("t") for each in ranges]
        found = Sql(" INTERSECT ".join(part.text for part in parts), [value for each in parts for value in each.values])
    if not beside:
        return found
    return Sql("SELECT f.run FROM (") + found + Sql(") f WHERE ") + _in_words("f.run", beside)


def _in_words(run: str, sought: Sequence[Sequence[str]]) -> Sql:
    """A look at all words of a run."""
    texts = [f" {' '.join(tokens)}" for tokens in sought]
    tests = " AND ".join(["strpos(x.words, ?) > 0"] * len(texts))
    return Sql(f"(SELECT {tests} FROM run_words x WHERE x.run = {run})", [*map(Document, texts)])


def _bounded(ranges: Sequence[_Range]) -> Sql:
    """Runs of a stretch: the rows of one word, read once, of which each is looked up for the others."""
    first, *others = ranges
    found = Sql("(a.run IN (SELECT t.run FROM run_terms t WHERE ")
    for each in others:
        other = Sql("(SELECT 1 FROM run_terms o WHERE o.run = t.run AND ") + each.of("o")
        found += other + Sql(" LIMIT 1) IS NOT NULL AND ")
    return found + first.of("t") + Sql(" AND t.run BETWEEN ? AND ?)) IS TRUE")


def _counted(connection: Connection, found: Sql, alone: _Range | None, counted: int) -> int:
    if alone is not None and not alone.exact:
        # Of many rows a part shows that there are enough runs: to find each of them once takes all rows.
        some = Sql("SELECT count(DISTINCT s.run) FROM (SELECT t.run FROM run_terms t WHERE ") + alone.of("t")
        (count,) = connection.execute(*(some + Sql(" LIMIT ?) s", [counted * _FACTOR]))).fetchone()
        if count >= counted:
            return counted
    (count,) = connection.execute(*(Sql("SELECT count(*) FROM (") + found + Sql(" LIMIT ?) c", [counted]))).fetchone()
    return int(count)
