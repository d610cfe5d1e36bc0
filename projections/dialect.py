"""What the stores say differently: full text, values of any type, and looks into documents."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from projections.sql import Sql

if TYPE_CHECKING:
    from projections.connection import Connection


@dataclass(frozen=True, slots=True)
class Search:
    """How runs are found whose texts have words.

    `way` leads to each once, with `a.run` and `a.created`; `probe` tells of run `a` whether it has them,
    `bounded` too, of runs whose number lies between two that stand behind its parameters.
    """

    count: int
    way: Sql
    probe: Sql
    bounded: Sql | None


class Dialect(Protocol):
    """One store's words."""

    text_mark: str
    """The mark of a text in a list of VALUES that is compared with texts of a table."""

    def among(self, name: str, numbers: Iterable[int]) -> Sql:
        """A number is one of these, of which there may be any number."""

    def of_state(self, key: str) -> str:
        """A text in the state of run `r`."""

    def pairs_of_state(self, key: str) -> str:
        """A table `j` of `key` and `value`: the texts in an object in the state of run `r`."""

    def place(self, alias: str) -> str:
        """The column by which values of `run_values` are compared."""

    def placed(self, value: float | str) -> Any:
        """A value as it is compared with that column."""

    def value(self, stored: Any) -> Any:
        """A value as it was before it was stored."""

    def along_facts(self, kind: str, key: str, conditions: Sql, down: str, limit: int) -> Sql:
        """The first runs `a` with a fact `t` of a kind and key that meet conditions, by value, `created` and number."""

    def put_values(
        self, connection: "Connection", suffix: str, rows: Sequence[tuple[int, str, float | str, int]]
    ) -> None:
        """Store values: run, field, value, when the run was created."""

    def put_words(self, connection: "Connection", suffix: str, rows: Sequence[tuple[int, str]]) -> None:
        """Store the texts that runs are found by, in the place of what was stored of them."""

    def search(self, connection: "Connection", words: Sequence[str], counted: int) -> Search | None:
        """How runs are found that have all of these words, each at the beginning of one of theirs; None if none has.

        What stands together in a word, such as a part of an id with its dashes, must stand together. They
        are counted up to `counted`.
        """
