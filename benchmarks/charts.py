"""Charts in a real browser: from navigation until they are painted, of all points that were logged."""

import random
import tempfile
from math import exp
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from benchmarks.http import server
from benchmarks.result import Result
from ledger.application.handling import Caller
from ledger.commands import StartRun
from runledger.wiring import Embedded, embedded_workspace, make_workspace
from schemas.events import RunLoggedEvent
from schemas.events.values import Series
from tests.runledger.studio.chromium import ARGUMENTS, chromium

_POINTS = 20_000
_BATCH = 500
_METRICS = 10
_RUNS = 50
_ROUNDS = 7
_BEGAN = 1_700_000_000_000_000
_PAINTED_MS, _COMPARED_MS = 400, 1_000
_DRAWN = """([count, points]) => {
    const drawn = [...document.querySelectorAll("[data-points]")].map((each) => Number(each.dataset.points));
    return drawn.length === count && drawn.reduce((a, b) => a + b) === points;
}"""


def run() -> list[Result]:
    """The page of a run with ten charts, and fifty runs in one."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        make_workspace(place, log="sqlite")
        with embedded_workspace(str(place)) as parts:
            _log(parts, "one", [f"metric{number}" for number in range(_METRICS)])
            runs = [f"run{number:02}" for number in range(_RUNS)]
            for run_id in runs:
                _log(parts, run_id, ["loss"])
        compare = "/charts/compare?" + "&".join(f"run={run_id}" for run_id in runs)
        with server(place) as (_, url), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
            painted = _painted(browser, f"{url}/runs/one/metrics", _METRICS, _METRICS * _POINTS)
            compared = _painted(browser, f"{url}{compare}", 1, _RUNS * _POINTS)
            browser.close()
    return [
        _result(f"page of a run, {_METRICS} charts of {_POINTS:,} points, painted", painted, _PAINTED_MS),
        _result(f"{_RUNS} runs of {_POINTS:,} points in one chart, painted", compared, _COMPARED_MS),
    ]


def _result(name: str, taken: float, most: int) -> Result:
    return Result(name, taken, "ms after navigation", goal=f"≤ {most:,} ms", met=taken <= most)


def _painted(browser: Browser, address: str, charts: int, points: int) -> float:
    """The median time of the last chart, each time for a browser that has loaded nothing yet."""
    return median([_once(browser, address, charts, points) for _ in range(_ROUNDS + 1)][1:])


def _once(browser: Browser, address: str, charts: int, points: int) -> float:
    # High enough for ten charts to be seen.
    with browser.new_context(viewport={"width": 1360, "height": 2000}) as context:
        page = context.new_page()
        page.goto(address)
        page.wait_for_function(_DRAWN, arg=[charts, points])
        return float(page.evaluate("performance.getEntriesByName('painted').at(-1).startTime"))


def _log(parts: Embedded, run_id: str, names: list[str]) -> None:
    """Points of a falling curve with noise, a millisecond and a step apart."""
    chance = random.Random(run_id)  # noqa: S311 - noise
    parts.client.execute(StartRun(run_id=run_id, experiment="bench"))
    for first in range(1, _POINTS + 1, _BATCH):
        places = list(range(first, first + _BATCH))
        times = [_BEGAN + place * 1_000 for place in places]
        series = [
            Series(
                name=name, kind="scalar", index=places, times=times, steps=list(places), values=_values(places, chance)
            )
            for name in names
        ]
        batch = RunLoggedEvent(writer="w", first=first, last=places[-1], series=series)
        parts.values.append(run_id, batch, times[-1], Caller("bench", "//bench"))


def _values(places: list[int], chance: random.Random) -> list[float | int | bool | str | None]:
    return [exp(-place / 5_000) + chance.random() / 10 for place in places]
