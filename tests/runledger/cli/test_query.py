"""`--query`: what of it is pushed down, and that this changes no result."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jmespath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.commands import AddProperties, ChangeStatus, StartRun
from ledger.queries import ANY_VALUE, RunQuery
from runledger import Workspace
from runledger.cli.query import Query
from schemas.statuses import RunStatus
from tests.runledger.cli.calling import call


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[?status=='Failed']", RunQuery(statuses=("Failed",))),
        ("[?'Failed'==status].run_id", RunQuery(statuses=("Failed",))),
        ("[?@.status=='Failed'] | [0]", RunQuery(statuses=("Failed",))),
        ("length([?_experiment_name=='e'])", RunQuery(experiment="e")),
        ("sort_by([?experiment_name=='e'], &status)[0:3]", RunQuery(experiment="e")),
        ("[?target=='gpu' && run_type=='x']", RunQuery(target="gpu", run_type="x")),
        ("[?root_run_id=='r']", RunQuery(root_run_id="r")),
        ("[?tags.a=='1' && properties.b=='2']", RunQuery(tags={"a": "1"}, properties={"b": "2"})),
        ("[?tags.\"worth another\"=='x' && starts_with(run_id, 'r')]", RunQuery(tags={"worth another": "x"})),
        (
            "[?(tags.a=='1' && tags.b=='2') && status=='Running']",
            RunQuery(statuses=("Running",), tags={"a": "1", "b": "2"}),
        ),
    ],
)
def test_what_must_hold_is_pushed_down(text: str, expected: RunQuery) -> None:
    assert Query.parse(text).narrow(RunQuery()) == expected


@pytest.mark.parametrize(
    "text",
    [
        "[?status=='nonsense']",
        "[?status!='Failed']",
        "[?status=='Failed' || status=='Running']",
        "[?!(status=='Failed')]",
        "[?tags.a==`1`]",
        "[?tags.a==`null`]",
        "[?tags.a==properties.a]",
        "[?tags.a.b=='x']",
        "[?run_id=='x']",
        "[?parent_run_id=='x']",
        "[?target!='gpu']",
        "[*].{a: status} | [?a=='Failed' && status=='Failed']",
        "{all: @, failed: [?status=='Failed']}",
        "join(',', [?status=='Failed'].run_id)",
        "[0]",
        "@",
    ],
)
def test_what_need_not_hold_is_not_pushed_down(text: str) -> None:
    assert Query.parse(text).narrow(RunQuery()) == RunQuery()


def test_children_of_a_run_are_asked_for_where_children_are_listed_at_all() -> None:
    query = Query.parse("[?parent_run_id=='x']")
    assert query.narrow(RunQuery(include_children=True)).parent_run_id == "x"
    assert query.narrow(RunQuery(include_children=True, parent_run_id="y")).parent_run_id == "y"


def test_what_an_option_demands_stays() -> None:
    asked = RunQuery(statuses=("Failed", "Canceled"), experiment="mine", tags={"a": ANY_VALUE})
    text = "[?status=='Running' && _experiment_name=='other' && tags.a=='1' && tags.b=='2']"
    expected = RunQuery(
        statuses=("Failed", "Canceled"), experiment="mine", tags={"a": ANY_VALUE, "b": "2"}
    )  # fmt: skip
    assert Query.parse(text).narrow(asked) == expected
    assert Query.parse("[?status=='Failed']").narrow(asked).statuses == ("Failed",)


KEYS = ("a", "b", "c d")
TEXTS = ("1", "2", "", "it's")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[dict[str, Any]]]]:
    """A workspace with runs of many kinds, and all of their documents."""
    place = tmp_path_factory.mktemp("runs")
    assert call("init", place).code == 0
    statuses = (RunStatus.RUNNING, RunStatus.COMPLETED, RunStatus.FAILED)
    with Workspace(place) as workspace:
        for number in range(48):
            run_id, text = f"run-{number:02}", TEXTS[number % 4]
            tags = {key: (text, None, "1")[(number + at) % 3] for at, key in enumerate(KEYS[: number % 4])}
            parent = "run-00" if number % 7 == 1 else None
            target = "gpu" if number % 2 else "local"
            workspace.client.execute(
                StartRun(
                    run_id=run_id,
                    experiment=f"e{number % 3}",
                    tags=tags,
                    target=target,
                    parent_run_id=parent,
                    root_run_id=parent,
                )
            )
            if number % 5:
                properties = {key: TEXTS[(number + at) % 4] for at, key in enumerate(KEYS[: number % 3])}
                workspace.client.execute(AddProperties(run_id=run_id, properties=properties))
            if statuses[number % 3] is not RunStatus.RUNNING:
                workspace.client.execute(ChangeStatus(run_id=run_id, status=statuses[number % 3]))
        yield place, workspace.client.runs(RunQuery(limit=1000, include_children=True)).runs


def literal(text: str) -> str:
    return "'" + text.replace("'", "\\'") + "'"


FIELDS = st.sampled_from(
    ["status", "_experiment_name", "experiment_name", "run_id", "nothing"]
    + ["target", "run_type", "parent_run_id", "root_run_id"]
    + [f'{kind}."{key}"' for kind in ("tags", "properties") for key in KEYS]
)
VALUES = st.sampled_from(
    [*TEXTS, "Completed", "Failed", "Running", "completed", "e0", "e1", "gpu", "run-00", "run-03"]
).map(literal)
COMPARISONS = st.builds(
    lambda field, operator, value, turned: f"{value}{operator}{field}" if turned else f"{field}{operator}{value}",
    FIELDS,
    st.sampled_from(["==", "==", "==", "!="]),
    VALUES,
    st.booleans(),
)
CONDITIONS = st.recursive(
    COMPARISONS | FIELDS,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["&&", "&&", "||"]), inner) | inner.map("!({})".format)
    ),
    max_leaves=6,
)
ENDINGS = st.sampled_from(["", ".run_id", "[].tags", " | [0]", " | length(@)", "[0]", " | [?status=='Failed']"])


@settings(max_examples=150, deadline=None)
@given(CONDITIONS, ENDINGS, st.integers(1, 60), st.booleans())
def test_results_are_those_of_the_expression_over_all_runs(
    runs: tuple[Path, list[dict[str, Any]]], condition: str, ending: str, last: int, children: bool
) -> None:
    """Whatever was pushed down, and however many pages were read."""
    place, documents = runs
    documents = [run for run in documents if children or "parent_run_id" not in run]
    kept = jmespath.search(f"[?{condition}]", documents)[:last]
    words = ["--include-children"] if children else []
    done = call("run", "list", "-w", place, "--last", last, "--query", f"[?{condition}]{ending}", *words)
    assert done.code == 0, done.err
    assert done.json == jmespath.search(f"[?{condition}]{ending}", kept)
