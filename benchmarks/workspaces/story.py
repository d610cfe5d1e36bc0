"""One run from its start to what is done to it long after its end."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from benchmarks.workspaces.links import SECOND, Chained, Loose, Stream, command, event_id
from benchmarks.workspaces.logged import count_drawn, log_values
from benchmarks.workspaces.shape import DAY
from benchmarks.workspaces.world import SOURCE, World
from ledger.artifacts.content import key_of
from schemas.events import (
    CommandRefusedEvent,
    Event,
    RunArchivedEvent,
    RunArtifactAddedEvent,
    RunDescribedEvent,
    RunError,
    RunOrigin,
    RunParameterAddedEvent,
    RunPropertyAddedEvent,
    RunResumedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
    RunTaggedEvent,
    RunUntaggedEvent,
    Seal,
)
from schemas.events.run import GitOrigin
from schemas.statuses import RunStatus as S
from schemas.streams import refusals_stream, run_stream

SERVER = "trainer"
MINUTE = 60 * SECOND

_REST = 5.04
"""Events of a run on average without its parameters, of which there are as many as the shape asks for."""

_NAMES = ("learning rate", "batch size", "layers", "dropout", "optimizer", "seed", "weight decay", "warmup", "epochs")
_QUALITIES = ("good", "great run", "suspicious", "baseline", "to be repeated")
_FAILURES = (
    ("ValueError", "Input contains NaN, infinity or a value too large for dtype('float32')."),
    ("RuntimeError", "CUDA out of memory. Tried to allocate 2.50 GiB (GPU 0; 15.78 GiB total capacity)"),
    ("FileNotFoundError", "[Errno 2] No such file or directory: 'data/train-00017.parquet'"),
)
_TRACEBACK = "Traceback (most recent call last):\n" + "".join(
    f'  File "/srv/jobs/train/{name}.py", line {line}, in {function}\n    {call}\n'
    for name, line, function, call in (
        ("train", 214, "<module>", "main(parse_arguments())"),
        ("train", 187, "main", "fit(model, loaders, settings)"),
        ("fitting", 96, "fit", "loss = step(model, batch, optimizer)"),
        ("fitting", 51, "step", "output = model(batch.features)"),
    )
)


@dataclass(slots=True)
class Told:
    """What a block of runs comes to; `alarms` are the rules that an event is told by, by its hash."""

    control: list[Chained] = field(default_factory=list)
    values: list[Chained] = field(default_factory=list)
    loose: list[Loose] = field(default_factory=list)
    alarms: dict[bytes, list[int]] = field(default_factory=dict)
    logged: int = 0


@dataclass(frozen=True, slots=True)
class Family:
    """What the children of a run have in common with it."""

    run_id: str
    experiment: tuple[str, str]
    actor: str
    begin: int


class Story:
    """Tells one run."""

    def __init__(self, world: World, number: int, begin: int, family: Family | None, told: Told, draw: Random) -> None:
        """It begins at a moment, in epoch microseconds; of a child `family` is its parent's."""
        self._world, self._draw, self._told, self._family = world, draw, told, family
        self._number = number
        self.run_id = command(draw)["command"] if family is None else f"{family.run_id}_{number}"
        self._actor = family.actor if family else world.person(draw)
        self._experiment = family.experiment if family else world.experiment(draw)
        self._stream = Stream(world.control_id, run_stream(self.run_id), SOURCE, told.control)
        self._now = begin
        self._status = S.RUNNING

    @property
    def as_family(self) -> Family:
        """What its children are told with."""
        return Family(self.run_id, self._experiment, self._actor, self._now)

    def tell(self, *, minutes: float, sweeps: bool) -> None:
        """Tell all of it; it runs for so long."""
        draw = self._draw
        submitted = self._family is None and draw.random() < 0.3
        self._start(submitted=submitted, sweeps=sweeps)
        self._say(0.02, *((RunParameterAddedEvent, each) for each in self._parameters()))
        self._say(0.05, (RunTaggedEvent, {"key": "team", "value": f"team {draw.randrange(12)}"}))
        if draw.random() < 0.5:
            self._say(1, (RunPropertyAddedEvent, {"key": "data version", "value": f"{draw.getrandbits(40):010x}"}))
        seal = self._log(0 if sweeps else count_drawn(self._world.shape.values_a_run, draw), minutes)
        self._end(seal, submitted=submitted)
        self._look_back()

    def _start(self, *, submitted: bool, sweeps: bool) -> None:
        name, experiment_id = self._experiment
        origin, properties = self._origin()
        family = self._family
        fields: dict[str, Any] = {
            "experiment": name,
            "experiment_id": experiment_id,
            "status": S.STARTING if submitted else S.RUNNING,
            "run_type": "runledger.script" if submitted else "runledger.run",
            "display_name": f"{name} {self._number}",
            "tags": {"stage": ("explore", "tune", "release")[self._draw.randrange(3)]},
            "properties": properties,
            "parent_run_id": family.run_id if family else None,
            "root_run_id": family.run_id if family else self.run_id,
            "origin": origin,
        }
        if sweeps:
            fields |= {"run_type": "runledger.hyperdrive", "description": "A sweep over learning rates and sizes."}
        self._status = fields["status"]
        self._say(0, (RunStartedEvent, fields))
        if submitted:
            self._move(S.PREPARING, 0.02)
            self._move(S.RUNNING, 0.4)

    def _origin(self) -> tuple[RunOrigin, dict[str, str]]:
        draw = self._draw
        commit = f"{self._now // (DAY // 4):08x}".ljust(40, "5")
        repository, branch = f"git@git.example.org:{self._experiment[0].partition('-')[0]}.git", "main"
        origin = RunOrigin(
            git=GitOrigin(repository=repository, branch=branch, commit=commit, dirty=draw.random() < 0.2),
            host=f"node-{draw.randrange(40):02}",
            user=self._actor,
            command_line=["train.py", "--config", f"configs/{self._experiment[0]}.yaml"],
            python="3.11.7",
            process_id=draw.randrange(1_000, 60_000),
            working_directory=f"/home/{self._actor}/work",
            script="train.py",
        )
        names = ("repository_uri", repository), ("branch", branch), ("commit", commit)
        return origin, {f"azureml.git.{key}": value for key, value in names}

    def _parameters(self) -> Iterator[dict[str, Any]]:
        draw = self._draw
        for place in range(int(max(self._world.shape.events_a_run - _REST, 0) + draw.random())):
            key = _NAMES[place % len(_NAMES)] + (f" {place // len(_NAMES)}" if place >= len(_NAMES) else "")
            value: Any = ("adam", "sgd", "lamb")[draw.randrange(3)] if key == "optimizer" else draw.randrange(512)
            yield {"key": key, "value": draw.random() * 0.01 if place == 0 else value}

    def _log(self, count: int, minutes: float) -> Seal:
        begin, self._now = self._now, self._now + int(minutes * MINUTE)
        self._told.logged += count
        world = self._world
        return log_values(
            self.run_id, self._actor, count, (begin, self._now), world.values_id, self._told.values, self._draw
        )

    def _end(self, seal: Seal, *, submitted: bool) -> None:
        luck = self._draw.random()
        if luck < 0.08:
            self._fail(seal)
            if luck < 0.02:
                origin, _ = self._origin()
                self._say(30, (RunResumedEvent, {"attempt": 2, "previous": S.FAILED, "origin": origin}))
                self._status = S.RUNNING
                self._move(S.COMPLETED, 20, seal=seal)
        elif luck < 0.11:
            self._move(S.CANCEL_REQUESTED, 0.1, reason="it does not get better")
            self._move(S.CANCELED, 0.2, seal=seal, reason=f"canceled by {self._actor}: it does not get better")
        else:
            if submitted:
                self._move(S.FINALIZING, 0.1)
            if self._draw.random() < 0.2:
                self._add_file()
            self._move(S.COMPLETED, 0.1, seal=seal)

    def _fail(self, seal: Seal) -> None:
        kind, message = _FAILURES[self._draw.randrange(len(_FAILURES))]
        error = RunError(code="UserError", message=message, type=kind, traceback=f"{_TRACEBACK}{kind}: {message}\n")
        lines = [f"epoch {line}: loss {self._draw.random():.4f}, {self._draw.randrange(90)} s" for line in range(12)]
        failed = self._move(S.FAILED, 0.1, seal=seal, error=error, log_lines=lines)
        rules = self._world.watching(self._experiment[0], is_child=self._family is not None)
        if rules:
            self._told.alarms[failed] = rules

    def _add_file(self) -> None:
        digest, content = self._world.contents[self._draw.randrange(len(self._world.contents))]
        named = {"artifact_name": "outputs/model.pt", "size": len(content), "sha256": digest, "address": key_of(digest)}
        self._say(0.1, (RunArtifactAddedEvent, named))

    def _look_back(self) -> None:
        """What people do to some runs days after their end."""
        draw = self._draw
        if draw.random() < 0.3:
            quality = _QUALITIES[draw.randrange(len(_QUALITIES))]
            self._wait(draw.random() * 7)
            self._say(0, (RunTaggedEvent, {"key": "quality", "value": quality}))
            if draw.random() < 0.3:
                self._say(30, (RunTaggedEvent, {"key": "quality", "value": f"{quality}, as discussed"}))
            elif draw.random() < 0.1:
                self._say(30, (RunUntaggedEvent, {"key": "quality"}))
        if draw.random() < 0.05:
            self._say(5, (RunDescribedEvent, {"changed": ("description",), "description": "See the weekly notes."}))
        if draw.random() < 0.1:
            self._wait(draw.random() * 20)
            self._say(0, (RunArchivedEvent, {}))
        if draw.random() < 0.001:
            self._refuse()

    def _refuse(self) -> None:
        """Somebody tried to give the run another version of its data."""
        by = command(self._draw)
        event = CommandRefusedEvent(
            **by,
            command_name="add-properties",
            stream=run_stream(self.run_id),
            rule="written-once",
            message="property 'data version' is '1' and can not become '2': a property is written once",
            key="data version",
            old="1",
            attempted="2",
        )
        stream = refusals_stream(self._world.control_id, SERVER)
        self._told.loose.append(Loose(self._now, stream, self._actor, event_id(by), event))

    def _move(self, status: S, minutes: float, **fields: Any) -> bytes:
        previous, self._status = self._status, status
        return self._say(minutes, (RunStatusChangedEvent, {"previous": previous, "status": status, **fields}))

    def _wait(self, days: float) -> None:
        self._now += int(days * DAY)

    def _say(self, minutes: float, *events: tuple[type[Event], dict[str, Any]]) -> bytes:
        """One command with its events, so much later than what was before; the hash of the last."""
        self._now += int(minutes * MINUTE * (0.5 + self._draw.random()))
        by, last = command(self._draw), b""
        for index, (kind, fields) in enumerate(events):
            last = self._stream.add(self._now, self._actor, event_id(by, index), kind(**(by | fields)))
        return last
