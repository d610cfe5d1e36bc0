"""Runs, events and metrics of a workspace as tables of four libraries, each loaded when it is asked for."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger.sdk.tables import arrow_of
from projections.analytics.columns import EVENTS, METRICS
from runledger import Experiment, Workspace
from runledger.wiring import make_workspace

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Three runs of two experiments, with four points of two metrics each."""
    folder = tmp_path_factory.mktemp("tables")
    make_workspace(folder, log="sqlite")
    with Workspace(folder) as opened:
        for run_id, experiment in {"r1": "vision", "r2": "vision", "r3": "speech"}.items():
            options = {"run_id": run_id, "tags": {"team": experiment}, "snapshot_directory": None}
            with Experiment(opened, experiment).start_logging(**options) as run:  # type: ignore[arg-type]
                run.log_params({"lr": 0.1 if run_id == "r1" else "auto"})
                for step in range(3):
                    run.log("loss", 1 / (step + 1), step=step)
                run.log("word", "done")
        yield opened


def test_each_library_has_the_same_rows(workspace: Workspace) -> None:
    table = workspace.metrics("loss")
    arrow = table.to_arrow()
    assert arrow.schema == METRICS
    assert arrow.num_rows == 9
    expected = sorted(arrow["value"].to_pylist())
    assert sorted(table.to_pandas()["value"]) == expected
    assert sorted(table.to_polars()["value"]) == expected
    assert sorted(value for (value,) in table.to_duckdb().project("value").fetchall()) == expected


def test_conditions_narrow_events_and_metrics(workspace: Workspace) -> None:
    assert workspace.events().to_arrow().schema == EVENTS
    everything = workspace.events().to_polars()
    assert everything["position"].to_list() == list(range(1, len(everything) + 1))
    of_run = workspace.events(runs=["r1", "r1", "none"]).to_polars()
    assert set(of_run["run_id"]) == {"r1"}
    assert of_run.equals(everything.filter(everything["run_id"] == "r1"))
    of_experiment = workspace.events(experiment="speech").to_polars()
    assert set(of_experiment["experiment"]) == {"speech"}
    assert len(workspace.metrics().to_arrow()) == 12
    assert len(workspace.metrics(runs=["r1"]).to_arrow()) == 4
    assert len(workspace.metrics(runs=["r1"], experiment="speech").to_arrow()) == 0
    assert workspace.metrics("word", experiment="vision").to_polars()["text"].to_list() == ["done", "done"]


def test_moments_narrow_by_the_time_of_record(workspace: Workspace) -> None:
    now = datetime.now(UTC)
    for runs in ((), ("r1", "r2", "r3")):
        assert workspace.events(runs=runs, since=now + timedelta(hours=1)).to_arrow().num_rows == 0
        assert workspace.metrics(runs=runs, until=now - timedelta(hours=1)).to_arrow().num_rows == 0
        assert workspace.metrics(runs=runs, since=now - timedelta(hours=1), until=now).to_arrow().num_rows == 12
    # Without a zone it is local time.
    assert workspace.events(since=datetime.now() - timedelta(minutes=5)).to_arrow().num_rows > 0  # noqa: DTZ005


def test_a_table_is_read_when_it_is_asked_for(workspace: Workspace) -> None:
    table = workspace.events(runs=["r1"])
    before = len(table.to_arrow())
    workspace.get_run("r1").tag("later")
    assert len(table.to_arrow()) == before + 1


def test_runs_of_the_workspace_are_found_as_those_of_an_experiment(workspace: Workspace) -> None:
    assert [run.id for run in workspace.runs()] == ["r3", "r2", "r1"]
    assert [run.id for run in workspace.runs("vision", tags={"team": "vision"}, order_by="start")] == ["r1", "r2"]
    assert set(workspace.runs().to_arrow().column_names) == set(workspace.runs().to_pandas().columns)
    assert sorted(workspace.runs().to_arrow()["parameters.lr"].to_pylist()) == ["0.1", "auto", "auto"]
    rows = workspace.runs().to_duckdb().filter("\"tags.team\" = 'vision'").project("run_id").fetchall()
    assert sorted(rows) == [("r1",), ("r2",)]
    assert workspace.runs("nobody").to_arrow().num_rows == 0


def test_a_column_of_mixed_kinds_is_text() -> None:
    rows: list[dict[str, object]] = [{"a": 1, "b": True, "c": 2**70}, {"a": 1.5, "b": "x", "d": None}]
    found = arrow_of(rows).to_pydict()
    assert found == {"a": [1.0, 1.5], "b": ["True", "x"], "c": [str(2**70), None], "d": [None, None]}


def test_a_table_that_memory_does_not_hold_is_read_some_rows_at_a_time(workspace: Workspace) -> None:
    heard: list[tuple[int, int]] = []
    batches = list(workspace.metrics(progress=lambda *far: heard.append(far)).batches())
    assert sum(batch.num_rows for batch in batches) == 12
    assert heard[0][0] == 0
    assert heard[-1][0] == heard[-1][1] > 0


@pytest.mark.parametrize(
    ("missing", "call"), [("pyarrow", "to_arrow"), ("polars", "to_polars"), ("duckdb", "to_duckdb")]
)
def test_a_library_that_is_missing_is_named_with_what_installs_it(
    workspace: Workspace, tmp_path: Path, missing: str, call: str
) -> None:
    (tmp_path / f"{missing}.py").write_text(f"raise ModuleNotFoundError('No module', name={missing!r})")
    script = f"""
from runledger import Workspace
for table in (lambda w: w.metrics(), lambda w: w.runs()):
    try:
        with Workspace({workspace.location!r}) as workspace:
            table(workspace).{call}()
    except ModuleNotFoundError as error:
        print(error)
"""
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{script}"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True).stdout
    extra = "'runledger[parquet]'" + ("" if missing == "pyarrow" else f" {missing}")
    assert printed == f"this needs {missing}: pip install {extra}\n" * 2


def test_no_library_is_loaded_before_a_table_is_asked_for(workspace: Workspace) -> None:
    script = f"""
import sys
from runledger import Workspace
with Workspace({workspace.location!r}) as workspace:
    workspace.metrics(), workspace.events(), workspace.runs()
    print({{"pyarrow", "polars", "pandas", "duckdb"}} & set(sys.modules))
"""
    printed = subprocess.check_output([sys.executable, "-c", script], cwd=ROOT, text=True, timeout=120)
    assert printed == "set()\n"
