"""The Studio at a million runs: a server process, and Chromium in front of it; MLflow's list beside it.

What the browser is asked for is measured in the page, until a frame has been drawn. Half of it is done
again while another process appends 5,000 events a second. Charts and the stream are measured elsewhere.
"""

import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from urllib.parse import quote, urlencode

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.http import server
from benchmarks.million import CHILDREN, RUNS, million
from benchmarks.result import Result, percentile
from benchmarks.tracking import mlflow_python
from runledger.studio.assets import Assets
from tests.runledger.studio.chromium import ARGUMENTS, chromium

_ROOT = Path(__file__).resolve().parent.parent
_RATE = 5_000
NOTES = """\
Beside the server's share stands the processor time that its process used for each answer, all that it did meanwhile
included: where the figure is many times as much, other programs had the processor. Of the 20 ms for a page of 50 rows,
the question takes 2 to 20 (see lists), the page itself the rest. The search waits 150 ms for more letters before it
asks. While events arrive, each answer costs 7 to 57 ms of processor time: in them is what the process reads of the
events, since a question brings the view up to date first, and one Python process does all. MLflow's list has 2,000
runs, since its store takes them slowly. The last 2,000 runs are events of a log, and those that arrive; the rows of
the others are written as the projection would have written them.
"""
_TIMES = 7
_REQUESTS = 20
_PEER_RUNS = 2_000
_IDLE_SECONDS = 5

_QUESTIONS = (
    "",
    "search=t3",
    "search=run-0000777",
    "search=compl",
    "search=t8&filter=status:is:Failed",
    "filter=tag.team:is:t3",
    "filter=status:is:Failed&filter=experiment:is:e18",
    "filter=status:is:Failed&filter=tag.team:is:t3",
    "filter=metric.loss:<:0.001",
    "filter=parameter.lr:between:0.2,0.201",
    "order_by=-metric.loss&column=metric.loss",
    "filter=tag.rare:has-key",
)

# Rows are there for who looks when the frame behind the one that has them begins.
_WATCH = """
window.until = (begun, there) => new Promise((done) => {
  const drawn = () => done(performance.now() - begun);
  const look = () => requestAnimationFrame(there() ? drawn : look);
  look();
});
"""
_OPENED = "(rows) => until(0, () => document.querySelectorAll(rows).length > 0)"
_SCROLLED = """() => {
  const count = () => document.querySelectorAll('tr[data-row]').length, before = count();
  const begun = performance.now();
  window.scrollTo(0, document.body.scrollHeight);
  document.querySelector('tr[data-more]').scrollIntoView();
  return until(begun, () => count() > before);
}"""
_TYPED = """(word) => {
  const field = document.querySelector('input[data-search]'), before = document.querySelector('#list');
  const begun = performance.now();
  field.value = word;
  field.dispatchEvent(new Event('input', {bubbles: true}));
  return until(begun, () => document.querySelector('#list') !== before);
}"""


def run() -> list[Result]:
    """On a copy of the workspace, since events arrive in it."""
    assets = Assets().packed_bytes()
    results = [Result("scripts and styles, gzipped", assets / 1e3, "kB", goal="≤ 60 kB", met=assets <= 60_000)]
    peer = _mlflow()
    with tempfile.TemporaryDirectory(dir=million().parent) as folder:
        place = Path(folder) / "workspace"
        shutil.copytree(million(), place)
        started = median([_start_seconds(place) for _ in range(3)])
        results.append(
            Result(f"start until the first answer, {RUNS:,} runs", started, "s", goal="≤ 2 s", met=started <= 2)
        )
        with server(place) as (process, url), _browser() as browser:
            _answer(url, "/runs")
            sleep(_IDLE_SECONDS)
            memory = psutil.Process(process.pid).memory_info().rss / 2**20
            results.append(Result("memory of the idle server", memory, "MiB", goal="≤ 150 MiB", met=memory <= 150))
            results += _seen(browser, url, "", peer)
            results += _shares(process.pid, url, "")
            with _arriving(place) as rate:
                while_arriving = [
                    *_seen(browser, url, ", events arriving", None),
                    *_shares(process.pid, url, ", events arriving"),
                ]
                results.append(Result("events that arrived meanwhile", rate(), "events/s", goal=f"{_RATE:,} events/s"))
            results += while_arriving
    return results


def _start_seconds(place: Path) -> float:
    began = perf_counter()
    with server(place) as (_, url):
        _answer(url, "/livez")
        return perf_counter() - began


def _answer(url: str, path: str) -> None:
    connection = HTTPConnection(url.removeprefix("http://"), timeout=60)
    connection.request("GET", path)
    connection.getresponse().read()
    connection.close()


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        yield browser
        browser.close()


def _seen(browser: Browser, url: str, how: str, peer: float | None) -> list[Result]:
    """What a person waits for, the median of several times."""
    page = browser.new_page(viewport={"width": 1360, "height": 900})
    page.add_init_script(_WATCH)
    rows, children = "tr[data-row]", "main [role=treeitem], main tr[data-row], main tbody tr"
    filtered = "/runs?" + urlencode([("filter", "status:is:Failed"), ("filter", "tag.team:is:t8")])

    def scrolled() -> float:
        page.goto(f"{url}/runs")
        page.wait_for_selector(rows)
        return float(page.evaluate(_SCROLLED))

    def typed(word: str) -> float:
        page.goto(f"{url}/runs")
        page.wait_for_selector(rows)
        return float(page.evaluate(_TYPED, word))

    words = iter([f"t{number} a{number + 1}" for number in range(100)])
    seen: list[tuple[str, float, Callable[[], float], float | None]] = [
        (f"first page of {RUNS:,} runs", 500, lambda: _opened(page, f"{url}/runs", rows), peer),
        ("next 50 rows, from scrolling", 150, scrolled, None),
        ("two filters, from the address", 500, lambda: _opened(page, url + filtered, rows), None),
        ("search, from the keystroke, 150 ms of them waiting for more", 300, lambda: typed(next(words)), None),
        (f"page of {CHILDREN:,} children", 500, lambda: _opened(page, f"{url}/runs/parent/children", children), None),
    ]
    results = []
    for name, goal, ask, floor in seen:
        ask()
        figure = median([ask() for _ in range(_TIMES)])
        of = None if floor is None else f"ms, MLflow's list of {_PEER_RUNS:,} runs"
        results.append(Result(name + how, figure, "ms", floor, of, f"≤ {goal:.0f} ms", figure <= goal))
    page.close()
    return results


def _opened(page: Page, address: str, rows: str) -> float:
    """From the beginning of the navigation until rows are drawn."""
    page.goto(address, wait_until="commit")
    return float(page.evaluate(_OPENED, rows))


def _shares(process: int, url: str, how: str) -> Iterator[Result]:
    """What the server takes of it: each question by one caller who asks again and again."""
    server_process = psutil.Process(process)
    connection = HTTPConnection(url.removeprefix("http://"), timeout=60)
    for question in _QUESTIONS:
        taken, before = [], _worked(server_process)
        for _ in range(_REQUESTS):
            began = perf_counter()
            connection.request("GET", f"/runs?{quote(question, safe='=&')}", headers={"HX-Request": "true"})
            connection.getresponse().read()
            taken.append((perf_counter() - began) * 1e3)
        work = (_worked(server_process) - before) / _REQUESTS * 1e3
        p95 = percentile(taken[1:], 0.95)
        name = f"server's share, {question.replace('&', ' & ') or 'all runs'}, p95{how}"
        yield Result(name, p95, "ms", work, "ms, processor time, mean", "≤ 30 ms", p95 <= 30)
    connection.close()


def _worked(process: psutil.Process) -> float:
    """The processor time of a process so far, in seconds."""
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def _arriving(place: Path) -> Iterator[Callable[[], float]]:
    """Events that another process appends; how many a second they are so far."""
    arguments = [sys.executable, "-m", "benchmarks.arriving", str(place), str(_RATE)]
    with subprocess.Popen(arguments, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            lines: Callable[[], str] = process.stdout.readline if process.stdout else str
            lines()

            def rate() -> float:
                process.terminate()
                return float((process.stdout.read() if process.stdout else "0").split()[-1])

            yield rate
        finally:
            process.terminate()


def _mlflow() -> float | None:
    """How long MLflow's page takes until its list of runs is drawn, in ms; None where it cannot be had."""
    python = mlflow_python()
    if python is None:
        return None
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        try:
            script = _ROOT / "benchmarks" / "mlflow_lists.py"
            subprocess.run([python, "-P", script, folder, str(_PEER_RUNS)], check=True, capture_output=True)
            arguments = [str(python), "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
            arguments += ["--port", str(port), "--workers", "1"]
            with subprocess.Popen(
                arguments, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) as process:
                try:
                    return _listed(f"http://127.0.0.1:{port}")
                finally:
                    for child in psutil.Process(process.pid).children(recursive=True):
                        child.terminate()
                    process.terminate()
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"MLflow is not compared with: {error}", file=sys.stderr)
            return None


def _listed(url: str) -> float:
    for _ in range(600):
        try:
            _answer(url, "/health")
            break
        except OSError:
            sleep(0.2)
    with _browser() as browser:
        page = browser.new_page(viewport={"width": 1360, "height": 900})
        page.add_init_script(_WATCH)
        taken = []
        for _ in range(1 + _TIMES):
            taken.append(_opened(page, f"{url}/#/experiments/1/runs", "a[href*='/runs/']"))
            page.goto("about:blank")
        return median(taken[1:])
