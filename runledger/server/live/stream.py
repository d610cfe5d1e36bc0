"""The role that reads the log once for everybody who follows it."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from time import monotonic
from typing import NamedTuple, TypeVar

from anyio import CapacityLimiter, to_thread
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ledger.errors import UnavailableError
from ledger.feed import Feed
from ledger.store.database import Database
from runledger.server.live.follower import Follower
from runledger.server.live.message import READ, Describing, Message, event_bytes, id_of
from runledger.server.live.recent import Recent
from runledger.server.live.values import NewOutput, NewValues, Pace, Said
from runledger.server.roles import is_set_within
from schemas.streams import kind_of

TICK_SECONDS = 0.02
"""How often a look is taken whether anything was written: one number of SQLite's, whoever wrote, in any process."""
BEAT_SECONDS = 15.0
"""How often something is sent at least, so that no proxy takes a connection for dead."""
LIFE_SECONDS = 1_800.0
"""After so long a connection ends and the client comes again: what he may do is looked at anew."""
GAP = 2_000
"""Who was away for more positions than this gets a `reset` and reads the page again."""
FOLLOWERS = 1_000
"""So many follow one server at once."""
_PIECE = 500
_GRACE_SECONDS = 1.0
_PAUSE_SECONDS = 1.0

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Place(NamedTuple):
    """Where somebody goes on: behind a position of a ledger; None is the one that he asks."""

    position: int
    log_id: str | None = None


class _Read(NamedTuple):
    messages: Sequence[Message]
    position: int
    users: frozenset[str]
    more: bool


class Stream(Collector):
    """Everybody who follows, and what they are told."""

    def __init__(self, feed: Feed, database: Database, printed: Callable[[str], int]) -> None:
        """Read from `feed` and `database`; `printed` tells how much a run's script on this machine has printed."""
        self._feed, self._database = feed, database
        self._describing = Describing(feed)
        self._recent = Recent(GAP)
        self._values, self._output, self._pace = NewValues(database), NewOutput(printed), Pace()
        self._followers: dict[Follower, float] = {}
        self._somebody, self._nobody = asyncio.Event(), asyncio.Event()
        self._reading = asyncio.Lock()
        self._thread = CapacityLimiter(1)
        self._version = -1
        self._beaten = 0.0
        self._dropped = 0
        self._closed = False

    async def run(self, stop: asyncio.Event) -> None:
        """Tell what happens until `stop` is set."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                await self._turn(stopping)
        finally:
            stopping.cancel()
            await self._close()

    async def follow(self, follower: Follower, place: Place | None) -> None:
        """Tell somebody what lies behind a place, and from then on what happens; `leave` ends it.

        Raises:
            UnavailableError: there are too many already, or the log cannot be read.
        """
        if len(self._followers) >= FOLLOWERS:
            raise UnavailableError(f"{FOLLOWERS:,} follow this server already, and no more can; try again later")
        await self._catch_up()
        self._begin(follower, place)
        self._followers[follower] = monotonic()
        self._somebody.set()
        if self._closed:
            follower.end()
        try:
            for said in await self._in_thread(partial(self._reaches, follower.wants.runs)):
                follower.push(_of_run(said))
        except BaseException:
            self.leave(follower)
            raise

    def leave(self, follower: Follower) -> None:
        """Forget somebody."""
        self._followers.pop(follower, None)
        self._dropped += follower.dropped
        follower.end()
        if self._closed and not self._followers:
            self._nobody.set()

    def note_output(self, run_id: str, reach: int) -> None:
        """The output of a run's script is known up to here; from the event loop's thread."""
        if self._followers:
            self._pace.note(Said("output", run_id, reach))

    def collect(self) -> Iterator[Metric]:
        """The figures, for Prometheus."""
        yield GaugeMetricFamily("runledger_followers", "Who follows the stream of changes.", len(self._followers))
        words = "Connections that were broken off since they took too little."
        yield CounterMetricFamily("runledger_followers_dropped", words, self._dropped)

    async def _turn(self, stopping: "asyncio.Task[bool]") -> None:
        if not self._followers:
            self._somebody.clear()
            somebody = asyncio.create_task(self._somebody.wait())
            await asyncio.wait([stopping, somebody], return_when=asyncio.FIRST_COMPLETED)
            somebody.cancel()
            return
        try:
            await self._catch_up()
            await self._look_at_output()
        except UnavailableError as error:
            _log.warning("the log cannot be read on, trying again: %s", error)
            await asyncio.wait([stopping], timeout=_PAUSE_SECONDS)
        self._tell_reaches()
        self._beat()
        await asyncio.wait([stopping], timeout=TICK_SECONDS)

    async def _catch_up(self) -> None:
        """Read all that is there, and tell it to everybody."""
        async with self._reading:
            version = self._database.version()
            if version == self._version:
                return
            begin = not self._followers
            while True:
                read = await self._in_thread(partial(self._read, begin=begin))
                self._recent.add(read.messages, read.position)
                self._tell(read)
                if not read.more:
                    break
                begin = False
            self._version = version

    def _read(self, *, begin: bool) -> _Read:
        last = self._feed.last_position()
        if begin and last - self._recent.position > GAP:
            self._recent.begin(last - GAP)
        if begin:
            self._values.skip()
        found = self._feed.skimmed(self._recent.position, _PIECE, READ)
        messages = [message for each in found if (message := self._describing.message_of(each)) is not None]
        for run_id, reach in self._values.read().items():
            self._pace.note(Said("values", run_id, reach))
        users = frozenset(each.envelope.stream for each in found if kind_of(each.envelope.stream) == "user")
        return _Read(messages, found[-1].position if found else self._recent.position, users, len(found) == _PIECE)

    def _tell(self, read: _Read) -> None:
        whole = b"".join(message.content for message in read.messages)
        for follower in list(self._followers):
            follower.tell(read.messages, whole)
            # What he may do may be something else now: he comes again, and is asked who he is.
            if read.users and (follower.user is None or follower.user in read.users):
                follower.end()

    def _begin(self, follower: Follower, place: Place | None) -> None:
        position, log_id = self._recent.position, self._feed.log_id
        follower.push(b"retry: 2000\n: run ledger\n\n")
        behind = place or Place(position)
        missed = None
        if behind.log_id in {None, log_id} and behind.position <= position + GAP:
            missed = self._recent.after(behind.position)
        if missed is None:
            why = "gap" if behind.log_id in {None, log_id} else "another ledger"
            data = {"position": position, "log": log_id, "why": why}
            follower.push(event_bytes("reset", data, id_of(position, log_id)))
            behind = Place(position)
        else:
            follower.tell(missed, b"".join(message.content for message in missed))
        follower.position = max(position, behind.position)
        here = {"position": follower.position, "log": log_id}
        follower.push(event_bytes("position", here, id_of(follower.position, log_id)))

    def _reaches(self, run_ids: frozenset[str]) -> list[Said]:
        """How far what runs have logged and printed reaches already."""
        values = [Said("values", run_id, self._values.reach(run_id)) for run_id in run_ids]
        output = [Said("output", run_id, self._output.reach(run_id)) for run_id in run_ids]
        return [said for said in values + output if said.reach]

    async def _look_at_output(self) -> None:
        now = monotonic()
        if not self._output.due(now):
            return
        run_ids = {run_id for follower in self._followers for run_id in follower.wants.runs}
        if run_ids:
            for run_id, reach in (await self._in_thread(partial(self._output.read, run_ids, now))).items():
                self._pace.note(Said("output", run_id, reach))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(work, limiter=self._thread)

    def _tell_reaches(self) -> None:
        for said in self._pace.due(monotonic()):
            content = _of_run(said)
            for follower in list(self._followers):
                if said.run_id in follower.wants.runs:
                    follower.push(content)

    def _beat(self) -> None:
        now = monotonic()
        if now - self._beaten < BEAT_SECONDS:
            return
        self._beaten = now
        # The id is for who hears of little: he resumes from here, not from what he heard last.
        beat = f": beat\nid: {id_of(self._recent.position, self._feed.log_id)}\n\n".encode()
        for follower, since in list(self._followers.items()):
            if follower.position <= self._recent.position:
                follower.push(beat)
            if now - since > LIFE_SECONDS:
                follower.end()

    async def _close(self) -> None:
        """Let everybody go; who takes nothing is not waited for."""
        self._closed = True
        for follower in list(self._followers):
            follower.end()
        if self._followers:
            await is_set_within(self._nobody, _GRACE_SECONDS)
        for follower in list(self._followers):
            follower.break_off()


def _of_run(said: Said) -> bytes:
    word = "place" if said.name == "values" else "size"
    return event_bytes(said.name, {"run_id": said.run_id, word: said.reach})
