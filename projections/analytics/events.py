"""From stored events to columns: no event is decoded further than its columns need."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from projections.analytics.cells import moments, number_of, text_of, texts
from projections.analytics.columns import COUNT, EVENTS, NUMBER, PARTITION, RECORDED, TEXT
from projections.analytics.experiments import Experiments, from_value, named_by
from schemas.events.base import CONCEALED
from schemas.registry import secrets_in
from schemas.streams import ABOUT_PEOPLE, kind_of, run_stream

_RUN = run_stream("")
_NAMED = frozenset({_RUN[:-1], "experiment"})

# By event, the fields of its payload that become `key`, and `value` or `text`.
_FIELDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    dict.fromkeys(
        (
            "run.tagged",
            "run.untagged",
            "run.property-added",
            "run.parameter-added",
            "experiment.tagged",
            "experiment.untagged",
        ),
        ("key", "value"),
    )
    | {
        "run.started": ("", "status"),
        "experiment.created": ("", "experiment"),
        "run.status-changed": ("", "status"),
        "run.resumed": ("", "attempt"),
        "run.artifact-added": ("artifact_name", "size"),
        "run.warned": ("code", "message"),
        "run.alerted": ("level", "title"),
    }
)


class _Kind(NamedTuple):
    """What a type says of its events."""

    name: str
    version: int | None
    is_read: bool
    key: str
    value: str
    names_experiment: bool
    secrets: frozenset[str]


class _About(NamedTuple):
    """What a stream says of its events."""

    run_id: str | None
    has_experiment: bool
    concealed: bool


class _Said(NamedTuple):
    """What the payloads of events tell, a cell an event."""

    keys: list[str | None]
    values: list[float | None]
    texts: list[str | None]


class _Repeated:
    """A column in which few values stand often: what is told of each is found once."""

    def __init__(self, cells: Sequence[str]) -> None:
        self._encoded = pa.array(cells, TEXT).dictionary_encode()
        self.values: list[str] = self._encoded.dictionary.to_pylist()

    def column(self, told: Callable[[str], Any], kind: pa.DataType = TEXT) -> pa.Array:
        return pa.array(map(told, self.values), kind).take(self._encoded.indices)


def events_batch(rows: Sequence[tuple[Any, ...]], experiments: Experiments, only: str | None = None) -> pa.RecordBatch:
    """Rows of `Database.plain_events` as columns; `only` are the events of one experiment."""
    if not rows:
        return pa.RecordBatch.from_pylist([], schema=EVENTS)
    places, streams, seqs, ids, sources, types, times, actors, values, recorded = zip(*rows, strict=True)
    stream, type_ = _Repeated(streams), _Repeated(types)
    kinds = {name: _kind(name) for name in type_.values}
    about = {name: _about(name) for name in stream.values}
    said = _said(rows, kinds, about, experiments)
    names = stream.column(lambda name: experiments.of(name) if about[name].has_experiment else None)
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array(places, COUNT),
            pa.array(ids, TEXT),
            pa.array(streams, TEXT),
            pa.array(seqs, COUNT),
            type_.column(lambda name: kinds[name].name),
            type_.column(lambda name: kinds[name].version, PARTITION),
            stream.column(lambda name: about[name].run_id),
            names,
            pa.array(said.keys, TEXT),
            pa.array(said.values, NUMBER),
            pa.array(said.texts, TEXT),
            pa.array(actors, TEXT),
            pa.array(sources, TEXT),
            moments(times),
            pa.array(recorded, COUNT).cast(RECORDED),
            texts(_payloads(rows, kinds, about, values)),
        ],
        schema=EVENTS,
    )
    return batch if only is None else batch.filter(pc.equal(names, only))


def _said(
    rows: Sequence[tuple[Any, ...]],
    kinds: Mapping[str, _Kind],
    about: Mapping[str, _About],
    experiments: Experiments,
) -> _Said:
    # This loop is a third of a replay's time: a payload is parsed once, and only where a column wants it.
    count = len(rows)
    said = _Said([None] * count, [None] * count, [None] * count)
    for place, (_, stream, _, _, _, type_name, _, _, content, _) in enumerate(rows):
        kind = kinds[type_name]
        payload = from_value(content) if kind.is_read else None
        if type(payload) is not dict:
            continue
        if kind.names_experiment and about[stream].has_experiment and (name := named_by(payload)) is not None:
            experiments.learn(stream, name)
        key, value = payload.get(kind.key), payload.get(kind.value)
        if type(key) is str:
            said.keys[place] = key
        if type(value) is str:
            said.texts[place] = value
        elif value is not None:
            said.values[place], said.texts[place] = number_of(value), text_of(value)
    return said


def _payloads(
    rows: Sequence[tuple[Any, ...]],
    kinds: Mapping[str, _Kind],
    about: Mapping[str, _About],
    values: Sequence[bytes],
) -> Sequence[bytes | None]:
    if not any(kind.secrets for kind in kinds.values()) and not any(each.concealed for each in about.values()):
        return values
    return [
        None if about[stream].concealed else _without(kinds[type_name].secrets, value)
        for _, stream, _, _, _, type_name, _, _, value, _ in rows
    ]


def _without(secrets: frozenset[str], value: bytes) -> bytes | None:
    if not secrets:
        return value
    payload = from_value(value)
    if not isinstance(payload, dict):
        return None
    return json.dumps(payload | dict.fromkeys(secrets & payload.keys(), CONCEALED), ensure_ascii=False).encode()


@lru_cache(maxsize=1_000)
def _kind(type_name: str) -> _Kind:
    start, _, version = type_name.rpartition(".v")
    known = start.startswith("runledger.") and version.isdecimal() and len(version) < 9  # noqa: PLR2004 - an int32
    name = start.removeprefix("runledger.") if known else type_name
    key, value = _FIELDS.get(name, ("", ""))
    return _Kind(
        name,
        int(version) if known else None,
        name in _FIELDS,
        key,
        value,
        name in {"run.started", "experiment.created"},
        secrets_in(type_name),
    )


def _about(stream: str) -> _About:
    kind = kind_of(stream)
    run_id = stream[len(_RUN) :] if stream.startswith(_RUN) else None
    return _About(run_id, kind in _NAMED, kind in ABOUT_PEOPLE)
