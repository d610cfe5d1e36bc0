"""Watching the topics of an open ledger: what an operator changes is noticed within a while."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ledger.errors import UnavailableError
from ledger.logs.kafka.admin import Admin, administering
from ledger.logs.kafka.client import Connection
from ledger.logs.kafka.looking import Look
from ledger.logs.kafka.rights import lacking
from ledger.logs.kafka.standing import Standing
from ledger.logs.kafka.topics import TopicFacts, problems, refusal
from ledger.logs.kafka.trust import another_cluster, clock_problem
from ledger.store.database import Database
from ledger.store.fold import Arrival

CHECK_SECONDS = 5.0
"""How often an open ledger looks at its topics."""

_log = logging.getLogger(__name__)


class Clock:
    """Compares the brokers' clock with this machine's, by what was just stored."""

    def __init__(self) -> None:
        """Nothing was compared yet."""
        self._said: str | None = None

    def heard(self, arrivals: Sequence[Arrival]) -> None:
        """The brokers have stamped these a moment ago."""
        self._say(clock_problem(time.time(), arrivals[-1].timestamp / 1000, "the brokers' clock"))

    def read(self, recorded_at: int) -> None:
        """The newest record was stamped so: it cannot be younger than now."""
        if recorded_at / 1000 > time.time():
            self._say(clock_problem(time.time(), recorded_at / 1000, "the time of the newest record"))

    def _say(self, problem: str | None) -> None:
        # Its seconds change with every record; said is it once, until it is over.
        if problem is not None and self._said is None:
            _log.warning("%s", problem)
        self._said = problem


class Watch:
    """Looks at the topics once in a while, and says whether they may be written."""

    def __init__(
        self,
        connection: Connection,
        facts: Sequence[TopicFacts],
        look: Look,
        standing: Standing,
        database: Database,
    ) -> None:
        """`facts` are those of the topics when they were opened."""
        self._connection = connection
        self._opened = facts
        self._look = look
        self._standing = standing
        self._database = database

    async def run(self, seconds: float = CHECK_SECONDS) -> None:
        """Look every so many seconds.

        Raises:
            LogRefusedError: a topic was cut or made anew.
        """
        while True:
            await asyncio.sleep(seconds)
            try:
                async with administering(self._connection) as admin:
                    wrong = await self._wrong(admin)
                self._standing.suspend(wrong)
                if not wrong:
                    await self._look.at_all()
            except UnavailableError as error:
                _log.debug("the topics could not be looked at: %s", error)

    async def _wrong(self, admin: Admin) -> list[str]:
        address, database = self._connection.address, self._database
        known = database.cluster()
        other = another_cluster(known, await admin.cluster_id(), str(address), database.path)
        if other is not None:
            return [other]
        now = {facts.name: await admin.facts(facts.name) for facts in self._opened}
        return [text for facts in self._opened if (text := changed(facts, now, str(address))) is not None]


def changed(opened: TopicFacts, now: Mapping[str, TopicFacts | None], where: str) -> str | None:
    """What is wrong by now with a topic that was right when it was opened."""
    facts = now[opened.name]
    if facts is None:
        return f"topic {opened.name} is gone: it was deleted. Restore it from a backup before anything makes it anew."
    if lacking(facts.allowed):
        return None  # whoever may not see settings is told so by what he may not do
    # Brokers that were added since ask for more copies when the topic is opened again, and not before.
    wrong = problems(replace(facts, brokers=min(facts.brokers, opened.brokers)), opened.partitions)
    return refusal(facts, wrong, where) if wrong else None
