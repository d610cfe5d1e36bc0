"""The runs of one stretch of time, told in a process of their own."""

import os
import signal
from collections.abc import Sequence
from math import exp
from multiprocessing import parent_process
from random import Random
from threading import Thread
from typing import Any

from benchmarks.workspaces.links import SECOND
from benchmarks.workspaces.shape import BLOCK, is_parent, parent_of
from benchmarks.workspaces.story import Family, Story, Told
from benchmarks.workspaces.world import World
from runledger.process import tune_collector

_LONGEST, _SWEEP = 2_000.0, 300.0
"""Minutes that a run and a sweep over parameters take."""

_APART = 30 * SECOND
"""So long after each other the children of a sweep begin."""

_worlds: list[World] = []


def begin_process(world: World) -> None:
    """Make a process ready to tell blocks; who started it also ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    tune_collector()
    _worlds[:] = [world]


def _end_with_parent() -> None:
    # A pool's processes wait for work for ever when who started them was killed.
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def told_here(block: int) -> Told:
    """A block of the world that this process was made ready for."""
    return told(_worlds[0], block)


def told(world: World, block: int) -> Told:
    """All that happens to the runs of a block, in the order of time."""
    shape = world.shape
    draw = Random(f"{shape.seed}:{block}")  # noqa: S311 - drawn to be the same again
    found = Told()
    family: Family | None = None
    for run in range(block * BLOCK, min((block + 1) * BLOCK, shape.runs)):
        parent = parent_of(run)
        if parent is not None and family is not None:
            place = run - parent
            story = Story(world, place, family.begin + place * _APART, family, found, draw)
        else:
            story = Story(world, run, shape.begin_of(run), None, found, draw)
            family = story.as_family
        story.tell(
            minutes=_SWEEP if is_parent(run) else min(20 * exp(draw.gauss(0, 1)), _LONGEST), sweeps=is_parent(run)
        )
    for events in (found.control, found.values, found.loose):
        events.sort(key=_moment)
    return found


def _moment(each: Sequence[Any]) -> int:
    moment: int = each[0]
    return moment
