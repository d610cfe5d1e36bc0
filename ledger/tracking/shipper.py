"""The thread that ships: every half second, less often while nobody answers."""

import logging
import threading
from collections.abc import Callable
from weakref import WeakMethod

SHIP_SECONDS = 0.5
LONGEST_PAUSE = 10.0

_log = logging.getLogger(__name__)


class Shipper:
    """Calls `ship` over and over; it answers whether the ledger was there. It ends with its tracker."""

    def __init__(self, ship: "WeakMethod[Callable[[], bool]]") -> None:
        """Nothing runs before `start`."""
        self._ship = ship
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin to ship, unless it has begun already."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._stopping = threading.Event()
                self._thread = threading.Thread(
                    target=_run, args=(self._ship, self._stopping), name="runledger-shipper", daemon=True
                )
                self._thread.start()

    def stop(self) -> None:
        """Ship no more after the present round."""
        self._stopping.set()


def _run(ship: "WeakMethod[Callable[[], bool]]", stopping: threading.Event) -> None:
    pause = SHIP_SECONDS
    while not stopping.wait(pause):
        call = ship()
        if call is None:
            return
        pause = SHIP_SECONDS if _shipped(call) else min(pause * 2, LONGEST_PAUSE)
        del call


def _shipped(ship: Callable[[], bool]) -> bool:
    try:
        return ship()
    except Exception:  # noqa: BLE001 - a thread in a process that is not ours must live on
        _log.exception("shipping failed and is tried again")
        return False
