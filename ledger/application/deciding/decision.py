"""What is decided on which aggregate, and what a decision may ask for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from ledger.artifacts.content import Content
from ledger.commands import Command
from ledger.domain.aggregate import LedgerAggregate
from schemas.events import Seal
from schemas.limits import Limits

if TYPE_CHECKING:
    from schemas.rules import RuleDefinition

A = TypeVar("A", bound=LedgerAggregate)


@dataclass(frozen=True, slots=True)
class Given:
    """What decisions may ask for; `actor` is who sent the command, `is_admin` whether he may do everything.

    `seal` tells what a run has logged, `check_run` raises RunNotFoundError, `check_rule`
    BadRuleError for a rule whose templates do not work, `check_content` BadContentError for what is
    not stored; `has_runs` tells whether an experiment of a name has any.
    """

    log_id: str
    actor: str
    limits: Limits
    seal: Callable[[str], Seal]
    check_run: Callable[[str], object]
    check_rule: "Callable[[RuleDefinition], None]"
    check_content: Callable[[Content], None]
    has_runs: Callable[[str], bool]
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class Decision(Generic[A]):
    """To be made on the aggregate of a stream, once `first` is carried out if there is such a command."""

    stream: str
    kind: type[A]
    decide: Callable[[A], object]
    first: Command | None = None
