"""Holding PID 1 of a container at its exit until the watchdog, which dies with it, is through.

The process writes its exit code to one pipe; then it waits at the other, which is full, until the
watchdog has emptied it or is gone.
"""

import os
from contextlib import suppress

from ledger.watchdog import libc
from ledger.watchdog.descriptors import Kept


def hold_at_exit() -> tuple[int, int] | None:
    """Have this process wait at its exit, and answer with the watchdog's ends: of the code, of the gate.

    None where the C library cannot. Raises OSError.
    """
    kept = Kept()
    code_out, code_in = os.pipe()
    gate_out, gate_in = os.pipe()
    _fill(gate_in)
    # What is registered last is called first: the code is told before the wait.
    held = libc.wait_for_room_at_exit(kept.keep(gate_in)) and libc.say_code_at_exit(kept.keep(code_in), at_once=True)
    if held:
        return code_out, gate_out
    kept.release()
    for descriptor in (code_out, gate_out):
        os.close(descriptor)
    return None


def let_through(gate_out: int) -> None:
    """Let the process go on."""
    os.set_blocking(gate_out, False)
    with suppress(BlockingIOError):
        while os.read(gate_out, 65536):
            pass


def _fill(gate_in: int) -> None:
    os.set_blocking(gate_in, False)
    with suppress(BlockingIOError):
        while True:
            os.write(gate_in, bytes(4096))
    os.set_blocking(gate_in, True)
