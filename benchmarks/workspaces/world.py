"""What is there before the first run: people, experiments, alert rules, contents of files."""

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from hashlib import sha256
from itertools import accumulate
from random import Random
from uuid import NAMESPACE_URL, uuid5

from benchmarks.workspaces.links import SECOND, Loose, command, event_id
from benchmarks.workspaces.shape import DAY, Shape
from schemas.events import (
    AlertRuleDefinedEvent,
    ExperimentCreatedEvent,
    ExperimentDescribedEvent,
    ExperimentTaggedEvent,
    UserAddedEvent,
)
from schemas.rules import RuleDefinition
from schemas.streams import experiment_stream, key_of, rule_stream, user_stream

SOURCE = "//trainer/runledger"

_TOPICS = ("churn", "demand", "fraud", "ranking", "speech", "vision", "pricing", "routing", "triage", "search")
_MODELS = ("baseline", "gbm", "lstm", "transformer", "distilled")
_GIVEN = ("ada", "ben", "chi", "dora", "emil", "fay", "gus", "hana", "ivo", "jana")
_FAMILY = ("abel", "brandt", "costa", "dahl", "eriksen", "fuchs", "gallo", "hoang", "ito", "jensen")
_WATCHED = (
    ("fraud failures", "fraud-*", True),
    ("speech failures", "speech-*", False),
    ("all of triage", "triage-*", True),
)


@dataclass(frozen=True)
class World:
    """The same for every block of a workspace, and derived from its shape alone."""

    shape: Shape

    @cached_property
    def control_id(self) -> str:
        """The id of the control log."""
        return str(uuid5(NAMESPACE_URL, f"{self.shape}:control"))

    @cached_property
    def values_id(self) -> str:
        """The id of the values log."""
        return str(uuid5(NAMESPACE_URL, f"{self.shape}:values"))

    @cached_property
    def people(self) -> Sequence[str]:
        """Names, who starts most runs first."""
        names = [f"{given}.{family}" for family in _FAMILY for given in _GIVEN]
        return [f"{names[number % 100]}{number // 100 or ''}" for number in range(self.shape.people)]

    @cached_property
    def experiments(self) -> Sequence[tuple[str, str]]:
        """Names and ids, the busiest first."""
        names = [f"{topic}-{model}" for model in _MODELS for topic in _TOPICS]
        return [(name, key_of(experiment_stream(self.control_id, name))) for name in names]

    @cached_property
    def rules(self) -> Sequence[tuple[str, RuleDefinition]]:
        """Ids and definitions: failures of some experiments are told to one or two addresses."""
        return [
            (str(uuid5(NAMESPACE_URL, name)), RuleDefinition(name=name, experiment=pattern, recipients=to[: 1 + two]))
            for name, pattern, two in _WATCHED
            for to in [("oncall@example.org", f"{pattern.partition('-')[0]}@example.org")]
        ]

    @cached_property
    def contents(self) -> Sequence[tuple[str, bytes]]:
        """What the files of all runs hold: a few contents, by their SHA-256."""
        made = [f"model {number}\n".encode() * (1_000 + 300 * number) for number in range(16)]
        return [(sha256(content).hexdigest(), content) for content in made]

    def person(self, draw: Random) -> str:
        """Somebody; few start most of the runs."""
        return self.people[_drawn(self._people_weights, draw)]

    def experiment(self, draw: Random) -> tuple[str, str]:
        """An experiment; few have most of the runs."""
        return self.experiments[_drawn(self._experiment_weights, draw)]

    def watching(self, experiment: str, *, is_child: bool) -> list[int]:
        """The rules that are about failures in an experiment, by their numbers."""
        rules = enumerate(self.rules)
        return [] if is_child else [number for number, (_, rule) in rules if fnmatchcase(experiment, rule.experiment)]

    def founding(self) -> Iterator[Loose]:
        """What happens on the day before the first run, in order."""
        draw = Random(f"{self.shape.seed}:founding")  # noqa: S311 - drawn to be the same again
        moment = self.shape.begin_of(0) - DAY
        for who in self.people if self.shape.users else ():
            by, role = command(draw), "admin" if who == self.people[0] else "contributor"
            event = UserAddedEvent(**by, user_name=who, role=role, email=f"{who}@example.org")
            yield Loose(
                moment := moment + SECOND, user_stream(self.control_id, who), self.people[0], event_id(by), event
            )
        for name, _ in self.experiments:
            who, stream = self.person(draw), experiment_stream(self.control_id, name)
            for kind, fields in (
                (ExperimentCreatedEvent, {"experiment": name}),
                (ExperimentTaggedEvent, {"key": "area", "value": name.partition("-")[0]}),
                (ExperimentDescribedEvent, {"description": f"Everything about {name.replace('-', ' by ')}."}),
            ):
                by = command(draw)
                yield Loose(moment := moment + SECOND, stream, who, event_id(by), kind(**by, **fields))
        for rule_id, definition in self.rules:
            by = command(draw)
            rule = AlertRuleDefinedEvent(**by, rule_name=definition.name, definition=definition.as_json())
            yield Loose(moment := moment + SECOND, rule_stream(rule_id), self.people[0], event_id(by), rule)

    @cached_property
    def _people_weights(self) -> list[float]:
        return _falling(len(self.people))

    @cached_property
    def _experiment_weights(self) -> list[float]:
        return _falling(len(self.experiments))


def _falling(count: int) -> list[float]:
    return list(accumulate(1 / (number + 1) for number in range(count)))


def _drawn(weights: list[float], draw: Random) -> int:
    return min(bisect(weights, draw.random() * weights[-1]), len(weights) - 1)
