"""The logs for callers outside their event loop: one thread runs the loop, callers wait."""

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from ledger.logs.kafka.address import KafkaAddress
from ledger.logs.kafka.log import KafkaLog
from ledger.logs.kafka.opening import KafkaLogs, Writer, kafka_logs
from ledger.logs.kafka.watching import CHECK_SECONDS
from ledger.logs.log import Figures, Link, Log, Told
from ledger.store.database import Database
from schemas.errors import LedgerError

T = TypeVar("T")

_GOODBYE_SECONDS = 0.01
# Longer than any request of the client; a process that ends waits no longer.
_CLOSE_SECONDS = 15.0


class KafkaThread:
    """Both logs of a ledger in a loop of their own, from `open` to `close`."""

    def __init__(
        self, address: KafkaAddress, database: Database, writer: Writer, *, check_seconds: float = CHECK_SECONDS
    ) -> None:
        """Connect, and return when both logs are ready; raises what `kafka_logs` raises."""
        self._check_seconds = check_seconds
        self._ready: Future[KafkaLogs] = Future()
        # Not uvloop: it is faster by a tenth and may hang in `close`, in a process that is not ours.
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(
            target=self._run, args=(address, database, writer), name="runledger-kafka", daemon=True
        )
        self._thread.start()
        try:
            logs = self._ready.result()
        except BaseException:
            self._thread.join()
            raise
        self.control: Log = _Waiting(self, logs.control)
        self.values: Log = _Waiting(self, logs.values)

    def close(self) -> None:
        """Stop reading and let the broker go; appends without an answer stay in doubt."""
        if self._thread.is_alive() and not sys.is_finalizing():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_CLOSE_SECONDS)

    def wait(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine in the loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result()

    def _run(self, address: KafkaAddress, database: Database, writer: Writer) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve(address, database, writer))
        except BaseException as error:  # noqa: BLE001 - handed to the caller that waits
            if not self._ready.done():
                self._ready.set_exception(error)
        finally:
            self._loop.run_until_complete(_last_words())
            self._loop.close()

    async def _serve(self, address: KafkaAddress, database: Database, writer: Writer) -> None:
        async with kafka_logs(address, database, writer, check_seconds=self._check_seconds) as logs:
            self._ready.set_result(logs)
            await self._stop.wait()


class _Waiting:
    """One log as callers in other threads see it."""

    def __init__(self, thread: KafkaThread, log: KafkaLog) -> None:
        self._thread = thread
        self._log = log

    @property
    def id(self) -> str:
        return self._log.id

    def append(self, links: Sequence[Link]) -> list[int]:
        return self._thread.wait(lambda: self._log.append(links))

    def catch_up(self, told: Told | None = None) -> None:
        self._thread.wait(lambda: self._log.catch_up(told))

    def stopped(self) -> LedgerError | None:
        return self._log.stopped()

    def figures(self) -> Figures:
        return self._log.figures()

    def close(self) -> None:
        self._thread.close()


async def _last_words() -> None:
    """Let what was closed be closed: transports say goodbye in the next turns of the loop."""
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await asyncio.sleep(_GOODBYE_SECONDS)
