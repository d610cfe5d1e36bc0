"""What one server process is made of: the application behind its gate, and the roles that run beside it."""

import os
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from starlette.types import ASGIApp

from ledger.logs.log import Log, Told
from runledger.channels import can_send
from runledger.keys import signer_of
from runledger.liveness import Liveness, liveness_of
from runledger.server import ROLES
from runledger.server.api import areas_of, build
from runledger.server.desk import Desk
from runledger.server.entry import gate_settings, session_times
from runledger.server.front import Front
from runledger.server.gate import Door, Gate
from runledger.server.guard import Guard
from runledger.server.lagging import lag_limit, lagging
from runledger.server.live.stream import Stream
from runledger.server.log_figures import LogFigures
from runledger.server.logins import Logins
from runledger.server.metrics import Metrics
from runledger.server.projecting import Projecting
from runledger.server.roles import Role
from runledger.server.securing import Secured
from runledger.server.telling import Telling
from runledger.server.unsubscribing import Unsubscribing
from runledger.server.watching import Recording, ending_overdue, judging, recovering
from runledger.studio.app import studio
from runledger.wiring import Embedded, caller, now
from schemas.errors import LedgerError
from schemas.streams import CONTROL, VALUES

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Place(NamedTuple):
    """Where a server listens: the name that others know it by, and whether this machine alone can reach it."""

    name: str
    loopback: bool


class Composed(NamedTuple):
    """The parts of a server that run."""

    app: ASGIApp
    door: Door
    projecting: Projecting | None
    others: Sequence[Role]


class _Insides(NamedTuple):
    """What the application and the roles share."""

    parts: Embedded
    door: Door
    liveness: Liveness
    telling: Telling
    metrics: Metrics
    stream: Stream
    projecting: Projecting | None


def compose(
    parts: Embedded,
    place: Place,
    roles: Collection[str] | None,
    proxies: Sequence[str],
    filling: Told | None,
) -> Composed:
    """Join the parts of a server with these roles; without any, of all that the settings allow.

    `proxies` as `runledger.server.serving.serve` has them; `filling` hears how far the run tables are filled.
    """
    chosen = ROLES if roles is None else roles
    limit = lag_limit(os.environ, parts.folder.settings())
    insides = _insides(parts, Door(lag_seconds=limit, stopped=parts.log.stopped), chosen, filling)
    logins = Logins(
        parts.ledger, parts.users, caller(), insides.door.lagging, now=now, times=session_times(parts.folder)
    )
    gate = Gate(
        _application(insides, logins, _trouble(insides, limit), answers="api" in chosen),
        insides.door,
        Guard(parts.users, caller(), loopback=place.loopback, in_use=logins.in_use),
        _LOOPBACK_NAMES | {place.name},
        settings=gate_settings(parts.folder, proxies, pages="api" in chosen),
        refused=logins.refuse_token,
    )
    sends = "alerts" in chosen and (roles is not None or can_send(parts.folder))
    return Composed(Secured(gate), insides.door, insides.projecting, _others(insides, logins, chosen, sends=sends))


def _insides(parts: Embedded, door: Door, chosen: Collection[str], filling: Told | None) -> _Insides:
    liveness, telling = liveness_of(parts), Telling(parts)
    metrics = Metrics(parts.feed.last_position, liveness)
    stream = Stream(parts.feed, parts.database, parts.files.printed)
    for figures in (LogFigures(parts), telling, stream):
        metrics.register(figures)
    projecting = Projecting(parts, filling) if "projections" in chosen else None
    return _Insides(parts, door, liveness, telling, metrics, stream, projecting)


def _application(
    insides: _Insides, logins: Logins, trouble: Callable[[], LedgerError | None], *, answers: bool
) -> ASGIApp:
    """The API and the pages; of a server that does not answer, what its operators ask alone."""
    parts, door = insides.parts, insides.door
    desk = Desk(parts, door.lagging, insides.metrics, insides.telling.channels)
    unsubscribing = Unsubscribing(parts.ledger, lambda: signer_of(parts.folder, parts.log.id), caller(), door.lagging)
    app = build(
        areas_of(desk, insides.stream, insides.liveness.hearing) if answers else [],
        lambda: desk.in_thread(insides.metrics.text),
        trouble,
        pages=[unsubscribing.routes()] if answers else [],
    )
    return Front(app, studio(desk, logins, app.openapi)) if answers else app


def _trouble(insides: _Insides, limit: float) -> Callable[[], LedgerError | None]:
    """Why this server is not ready, the first reason that is found."""
    parts, door = insides.parts, insides.door
    logs: dict[str, Log] = {CONTROL: parts.log, VALUES: parts.values_log}
    failing = insides.projecting.failing if insides.projecting is not None else lambda: None
    reasons: tuple[Callable[[], LedgerError | None], ...] = (
        door.closed,
        parts.log.stopped,
        lambda: lagging(logs, limit),
        door.lagging,
        insides.telling.late,
        failing,
    )
    return lambda: next((found for reason in reasons if (found := reason())), None)


def _others(insides: _Insides, logins: Logins, chosen: Collection[str], *, sends: bool) -> list[Role]:
    """The roles beside answering and keeping up with the log."""
    others: list[Role] = [logins]
    if "api" in chosen:
        others += [Recording(insides.liveness), insides.stream]
    if "liveness" in chosen:
        others += [judging(insides.liveness), recovering(insides.parts), ending_overdue(insides.parts)]
    if sends:
        others.append(insides.telling)
    return others
