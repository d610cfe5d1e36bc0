"""What scripts log, on a path and on a URL, and what other processes read."""

import math
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from ledger.errors import BadValueError, RefusedError, RunNotFoundError, WrittenOnceError
from ledger.workspace.folder import make_folder
from runledger import Experiment, Run, Workspace
from tests.ledger.small_disk import run_on_small_disk
from tests.runledger.server.running import running

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module", params=["path", "URL"])
def location(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("logged")
    make_folder(folder, log="sqlite")
    with ExitStack() as stack:
        yield str(folder) if request.param == "path" else stack.enter_context(running(folder)).url


@pytest.fixture
def run(location: str) -> Iterator[Run]:
    with Workspace(location) as workspace:
        run = Experiment(workspace, "logging-api-test").start_logging(snapshot_directory=None)
        yield run
        run.complete()


def script(location: str, code: str, *arguments: str) -> str:
    """What a script prints, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code, location, *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_kind_of_value_comes_back_as_it_was_logged(run: Run) -> None:
    run.log("once", 84)
    run.log("scale factor ", 2.5)
    for value in (1, 2.5, None, True, "x", math.inf, 2**80, np.int64(7), np.float32(0.5)):
        run.log("many", value)
    run.log_list("one in a list", [5])
    run.log_list("empty", [])
    run.log_list("fibonacci", (n for n in (0, 1, 1)))
    run.log_list("fibonacci", [2, 3])
    run.log_row("row", x=1, y=0.4)
    run.log_row("rows", x=1)
    run.log_row("rows", x=2, z="late")
    run.log_table("table", {"x": [1, 2], "y": [3, None]})

    assert run.get_metrics() == {
        "once": 84,
        "scale factor": 2.5,
        "many": [1, 2.5, None, True, "x", math.inf, 2**80, 7, 0.5],
        "one in a list": [5],
        "empty": [],
        "fibonacci": [0, 1, 1, 2, 3],
        "row": {"x": [1], "y": [0.4]},
        "rows": {"x": [1, 2], "z": [None, "late"]},
        "table": {"x": [1, 2], "y": [3, None]},
    }
    assert run.get_metrics("scale factor") == {"scale factor": 2.5}
    assert run.get_metrics(name="unknown") == {}
    assert run.get_metrics("many")["many"][3] is True


def test_steps_and_times_can_be_read_back(run: Run) -> None:
    for step in range(10):
        run.log("loss", step / 10, step=step * 100)
    run.log("loss", float("nan"))
    series = run.get_series("loss")["loss"]
    assert list(series.steps) == [*range(0, 1000, 100), None]
    assert list(series.times) == sorted(series.times)
    assert series.values is not None
    assert math.isnan(float(series.values[-1] or 0))
    assert list(run.get_series("loss", first_step=200, last_step=400)["loss"].steps) == [200, 300, 400]
    last = run.get_last_metrics()["loss"]
    assert isinstance(last, float)
    assert math.isnan(last)


def test_a_long_series_is_thinned_for_a_chart(run: Run) -> None:
    for step in range(5_000):
        run.log("loss", float(step), step=step)
    (thinned,) = run.get_thinned("loss", buckets=10)
    assert len(thinned.buckets) <= 10
    assert sum(bucket.count for bucket in thinned.buckets) == 5_000
    assert (thinned.buckets[0].minimum, thinned.buckets[-1].maximum) == (0.0, 4_999.0)


def test_one_bad_call_spoils_no_read(run: Run) -> None:
    run.log("mixed", 1)
    run.log_row("mixed", x=1)
    with pytest.raises(BadValueError, match="use log_list"):
        run.log("mixed", [1, 2])
    with pytest.raises(RefusedError):
        run.log_table("mixed", {"x": [1], "y": [1, 2]})
    assert run.get_metrics() == {"mixed": 1, "mixed (rows)": {"x": [1]}}


def test_parameters_are_written_once_and_keep_their_type(run: Run) -> None:
    run.log_params({"lr": 0.1, "layers": 3, "name": "net", "amp": True, "seed": None, "scale": np.float32(0.5)})
    run.log_params({"lr": 0.1})
    with pytest.raises(WrittenOnceError, match=r"parameter 'lr' is 0\.1"):
        run.log_params({"lr": 0.2})


def test_after_flush_another_process_reads_all_of_it(run: Run, location: str) -> None:
    for step in range(3_000):
        run.log("loss", step, step=step)
    assert run.flush()
    code = (
        "import sys\nfrom runledger import Experiment, Run, Workspace\n"
        "run = Run(Experiment(Workspace(sys.argv[1]), 'logging-api-test'), sys.argv[2])\n"
        "print(len(run.get_metrics()['loss']))"
    )
    assert script(location, code, run.id) == "3000\n"


def test_after_complete_another_process_reads_all_of_it(location: str) -> None:
    code = """
import sys
from runledger import Experiment, Workspace
with Experiment(Workspace(sys.argv[1]), 'e').start_logging(run_id=sys.argv[2]) as run:
    for step in range(1000):
        run.log('loss', step)
"""
    name = "after-complete"
    script(location, code, name)
    with Workspace(location) as workspace:
        run = Run(Experiment(workspace, "e"), name)
        assert (run.get_status(), len(run.get_metrics()["loss"])) == ("Completed", 1000)


def test_a_script_that_leaves_its_run_open_ends_it(location: str) -> None:
    code = """
import sys
from runledger import Experiment, Workspace
run = Experiment(Workspace(sys.argv[1]), 'e').start_logging(run_id=sys.argv[2])
run.log('loss', 1)
if len(sys.argv) > 3:
    raise ValueError('boom')
"""
    script(location, code, "left-open")
    done = subprocess.run(
        [sys.executable, "-c", code, location, "left-broken", "x"], cwd=ROOT, capture_output=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    with Workspace(location) as workspace:
        experiment = Experiment(workspace, "e")
        opened, broken = Run(experiment, "left-open"), Run(experiment, "left-broken")
        wait_for_end(opened)
        wait_for_end(broken)
        assert (opened.get_status(), opened.get_metrics()) == ("Completed", {"loss": 1})
        assert (broken.get_status(), broken.get_metrics()) == ("Failed", {"loss": 1})
        assert broken.get_details()["error"]["message"].startswith("User program failed with ValueError: boom")


def wait_for_end(run: Run) -> None:
    """Until the watchdog of a script has said how it ended."""
    deadline = time.monotonic() + 30
    while _status(run) not in {"Completed", "Failed"}:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _status(run: Run) -> str:
    try:
        return run.get_status()
    except RunNotFoundError:
        return "not there yet"


def test_with_a_url_training_loads_no_database_and_no_framework(tmp_path: Path) -> None:
    code = """
import sys
from runledger import Experiment, LedgerError, Run, Workspace
run = Experiment(Workspace(sys.argv[1]), 'e').start_logging(tags={'a': 'b'})
run.log('loss', 0.5, step=1); run.log_row('r', x=1); run.log_params({'lr': 0.1}); run.tag('x')
run.flush(); run.get_metrics(); run.complete(); run.get_details()
print([name for name in ('pydantic', 'eventsourcing', 'sqlite3', 'asyncio', 'fastapi', 'click') if name in sys.modules])
"""
    with running(tmp_path) as server:
        assert script(server.url, code) == "[]\n"


def test_metrics_of_a_tree_of_runs(run: Run) -> None:
    run.log("loss", 1)
    assert run.get_metrics(recursive=True) == {run.id: {"loss": 1}}


def test_a_server_that_is_away_costs_a_script_one_warning(tmp_path: Path) -> None:
    """Nobody listens; later a server does, and the next contact delivers everything with its times."""
    make_folder(tmp_path / "w", log="sqlite")
    code = """
import sys
from runledger import Experiment, Workspace
with Experiment(Workspace(sys.argv[1]), 'e').start_logging(run_id='away') as run:
    for step in range(100):
        run.log('loss', step)
    run.tag('quality', 'good')
    run.log_params({'lr': 0.1})
"""
    with running(tmp_path / "w") as server:
        url = server.url
    done = subprocess.run(
        [sys.executable, "-c", code, url], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("does not answer") == 1
    assert len(done.stderr.strip().splitlines()) == 1
    with running(tmp_path / "w", "--port", url.rpartition(":")[2]), Workspace(url) as workspace:
        run = Run(Experiment(workspace, "e"), "away")
        # The watchdog of the script tries too, and who comes second waits for who was first.
        wait_for_end(run)
        assert (run.get_status(), run.get_tags()) == ("Completed", {"quality": "good"})
        assert run.get_metrics() == {"loss": list(range(100))}


def test_a_disk_that_is_full_never_stops_training(tmp_path: Path) -> None:
    """The workspace lies on a disk of 3 MB that something else fills in the middle of training."""
    disk = tmp_path / "disk"
    code = """
import sys
from pathlib import Path
from ledger.workspace.folder import make_folder
from runledger import Experiment, Workspace
place = Path(sys.argv[1])
make_folder(place, log="sqlite")
with Experiment(Workspace(place), "e").start_logging(run_id="r", snapshot_directory=None) as run:
    run.log("loss", 0)
    run.flush()
    try:
        (place / "filler").write_bytes(b"x" * 4_000_000)
    except OSError:
        print("full")
    for step in range(1, 20_000):
        run.log("loss", step)
    run.tag("quality", "good")
    (place / "filler").unlink()
print(run.flush())
print(run.get_status(), run.get_metrics()["loss"] == list(range(20_000)), run.get_tags())
"""
    done = run_on_small_disk(disk, "3m", "-c", code, str(disk))
    assert done.stdout.splitlines() == ["full", "True", "Completed True {'quality': 'good'}"], done.stderr


def test_a_disk_that_cannot_be_written_never_stops_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Journals are asked for on a disk that is mounted read-only."""
    make_folder(tmp_path / "w", log="sqlite")
    monkeypatch.setenv("RUNLEDGER_JOURNAL_DIR", str(tmp_path / "disk"))
    code = """
import sys
from runledger import Experiment, Workspace
with Experiment(Workspace(sys.argv[1]), "e").start_logging(run_id="r", snapshot_directory=None) as run:
    run.log_list("loss", range(100))
print(run.get_status(), run.get_metrics()["loss"] == list(range(100)))
"""
    done = run_on_small_disk(tmp_path / "disk", "1m,ro", "-c", code, str(tmp_path / "w"))
    assert done.stdout == "Completed True\n", done.stderr
