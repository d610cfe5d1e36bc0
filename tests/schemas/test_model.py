"""Models that are built at their first use, by whichever thread or process that is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MANY = """
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from schemas.events import RunTaggedEvent
from schemas.registry import EVENTS, decode
assert not any(event.__pydantic_complete__ for event in EVENTS)
sys.setswitchinterval(1e-6)
VALUE = b'{"key":"a","value":"b"}'
barrier = Barrier(8)
def first(_):
    barrier.wait()
    event = decode("runledger.run.tagged.v1", VALUE)
    return event == RunTaggedEvent(key="a", value="b") and event.to_value() == VALUE
with ThreadPoolExecutor(8) as pool:
    assert all(pool.map(first, range(8)))
"""
FORKED = """
import os, signal, threading
from schemas import model
from schemas.events import RunTaggedEvent
held = threading.Event()
def build():
    with model._building:
        held.set()
        threading.Event().wait(0.2)
threading.Thread(target=build).start()
held.wait()
child = os.fork()
if child == 0:
    signal.alarm(30)  # or it would wait for ever
    RunTaggedEvent(key="a", value="b")
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def printed(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, timeout=60, check=True, capture_output=True, text=True
    )
    return done.stdout


def test_threads_that_use_a_model_first_at_once_all_get_it_whole() -> None:
    for _ in range(5):
        printed(MANY)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_that_is_forked_while_a_model_is_being_built_can_build_its_own() -> None:
    assert printed(FORKED) == "7\n"
