"""The members that scripts of the original call: names, order of parameters, defaults (parity 2.A)."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import runledger
from runledger import Experiment, Run, RunConfiguration, ScriptRun, ScriptRunConfig, Workspace, get_run

NEEDED = inspect.Parameter.empty
"""A parameter without a default."""

MONTH = 2_592_000
RUNS = {"type": None, "tags": None, "properties": None}

# Members by name, with the parameters that the original has, in their order. A member of a table that is added below
# is looked for on its class.
SIGNATURES: dict[type, dict[str, dict[str, Any]]] = {
    Run: {
        "start": {},
        "complete": {},
        "fail": {"error_details": None, "error_code": None},
        "cancel": {},
        "flush": {"timeout_seconds": 300},
        "wait_for_completion": {"show_output": False, "wait_post_processing": False, "raise_on_error": True},
        "get_status": {},
        "get_detailed_status": {},
        "get_details": {},
        "get_context": {"allow_offline": True},
        "get": {"workspace": NEEDED, "run_id": NEEDED},
        "list": {"experiment": NEEDED, **RUNS, "status": None, "include_children": False},
        "list_by_compute": {"compute": NEEDED, **RUNS, "status": None},
        "add_type_provider": {"runtype": NEEDED, "run_factory": NEEDED},
        "get_children": {
            "recursive": False,
            "tags": None,
            "properties": None,
            "type": None,
            "status": None,
            "_rehydrate_runs": True,
        },
        "child_run": {"name": None, "run_id": None, "outputs": None},
        "create_children": {"count": None, "tag_key": None, "tag_values": None},
        "submit_child": {"config": NEEDED, "tags": None},
        "tag": {"key": NEEDED, "value": None},
        "set_tags": {"tags": NEEDED},
        "remove_tags": {"tags": NEEDED},
        "get_tags": {},
        "add_properties": {"properties": NEEDED},
        "get_properties": {},
        "log": {"name": NEEDED, "value": NEEDED, "description": "", "step": None},
        "log_list": {"name": NEEDED, "value": NEEDED, "description": ""},
        "log_row": {"name": NEEDED, "description": ""},
        "log_table": {"name": NEEDED, "value": NEEDED, "description": ""},
        "get_metrics": {"name": None, "recursive": False, "run_type": None, "populate": False},
        "log_image": {"name": NEEDED, "path": None, "plot": None, "description": ""},
        "log_confusion_matrix": {"name": NEEDED, "value": NEEDED, "description": ""},
        "log_accuracy_table": {"name": NEEDED, "value": NEEDED, "description": ""},
        "log_residuals": {"name": NEEDED, "value": NEEDED, "description": ""},
        "log_predictions": {"name": NEEDED, "value": NEEDED, "description": ""},
        "upload_file": {"name": NEEDED, "path_or_stream": NEEDED, "datastore_name": None},
        "upload_files": {"names": NEEDED, "paths": NEEDED},
        "upload_folder": {"name": NEEDED, "path": NEEDED},
        "get_file_names": {},
        "download_file": {"name": NEEDED, "output_file_path": None},
        "download_files": {
            "prefix": None,
            "output_directory": None,
            "output_paths": None,
            "batch_size": 100,
            "append_prefix": True,
            "timeout_seconds": None,
        },
        "get_details_with_logs": {},
        "get_all_logs": {"destination": None},
        "take_snapshot": {"file_or_folder_path": NEEDED},
        "get_snapshot_id": {},
        "restore_snapshot": {"snapshot_id": None, "path": None},
        "get_portal_url": {},
        "_repr_html_": {},
    },
    Experiment: {
        "get_runs": {**RUNS, "include_children": False},
        "submit": {"config": NEEDED, "tags": None},
        "tag": {"key": NEEDED, "value": None},
        "set_tags": {"tags": NEEDED},
        "remove_tags": {"tags": NEEDED},
        "archive": {},
        "reactivate": {},
        "refresh": {},
        "list": {"workspace": NEEDED, "experiment_name": None, "view_type": "ActiveOnly", "tags": None},
        "delete": {"workspace": NEEDED, "experiment_id": NEEDED},
        "get_portal_url": {},
        "_repr_html_": {},
    },
    Workspace: {"from_config": {"path": None}, "get_run": {"run_id": NEEDED}},
    RunConfiguration: {
        "save": {"path": None, "name": None, "separate_environment_yaml": False},
        "load": {"path": None, "name": None},
    },
}
CONSTRUCTORS: dict[type, dict[str, Any]] = {
    Experiment: {"workspace": NEEDED, "name": NEEDED},
    Run: {"experiment": NEEDED, "run_id": NEEDED},
    ScriptRunConfig: {
        "source_directory": NEEDED,
        "script": None,
        "arguments": None,
        "run_config": None,
        "compute_target": None,
        "environment": None,
        "distributed_job_config": None,
        "resume_from": None,
        "max_run_duration_seconds": MONTH,
        "command": None,
        "docker_runtime_config": None,
    },
}
START_LOGGING = ("name", "run_id", "outputs", "snapshot_directory", "display_name", "description", "tags")
ATTRIBUTES: dict[type, str] = {
    Run: "id name display_name description type number status experiment parent tags properties",
    Experiment: "id name workspace tags",
    Workspace: "name experiments compute_targets",
}

MEMBERS = [(kind, name, expected) for kind, members in SIGNATURES.items() for name, expected in members.items()]


def parameters(member: Callable[..., object]) -> dict[str, Any]:
    found = inspect.signature(member).parameters.values()
    return {each.name: each.default for each in found if each.name != "self" and each.kind is not each.VAR_KEYWORD}


def check(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """What the original has comes first and as it has it; what is ours comes behind and may be left out."""
    ours = dict(list(found.items())[len(expected) :])
    assert dict(list(found.items())[: len(expected)]) == expected
    assert list(found)[: len(expected)] == list(expected)
    assert NEEDED not in ours.values()


@pytest.mark.parametrize(
    ("kind", "name", "expected"), MEMBERS, ids=[f"{kind.__name__}.{name}" for kind, name, _ in MEMBERS]
)
def test_2a_members_have_the_signatures_of_the_original(kind: type, name: str, expected: dict[str, Any]) -> None:
    """Names, order and defaults of every member; parameters of ours come behind and have defaults."""
    check(parameters(getattr(kind, name)), expected)


@pytest.mark.parametrize("kind", CONSTRUCTORS, ids=lambda kind: kind.__name__)
def test_2a_constructors_have_the_signatures_of_the_original(kind: type) -> None:
    """The same for Experiment, Run and ScriptRunConfig."""
    check(parameters(kind), CONSTRUCTORS[kind])


def test_2a_the_function_and_the_keywords_that_scripts_use() -> None:
    """`get_run(experiment, run_id, rehydrate=True)`; start_logging takes the keywords of B4; VERSION is a text."""
    check(parameters(get_run), {"experiment": NEEDED, "run_id": NEEDED, "rehydrate": True})
    assert set(START_LOGGING) <= set(parameters(Experiment.start_logging))
    assert parameters(Experiment.start_logging)["snapshot_directory"] == "."
    assert ScriptRun.RUN_TYPE == "azureml.scriptrun"
    assert isinstance(runledger.VERSION, str)


def test_2a_the_attributes_that_scripts_read(anywhere: Experiment) -> None:
    """Every attribute of run, experiment and workspace answers; display_name and description can be set."""
    run = anywhere.start_logging(snapshot_directory=None)
    for thing, names in zip((run, anywhere, anywhere.workspace), ATTRIBUTES.values(), strict=True):
        for name in names.split():
            getattr(thing, name)
    run.display_name, run.description = "a", "b"

    assert (run.display_name, run.description, run.number) == ("a", "b", 1)
    assert {name: each.id for name, each in anywhere.workspace.experiments.items()}[anywhere.name] == anywhere.id


def test_2a_a_run_is_fetched_in_every_way(anywhere: Experiment) -> None:
    """Run(experiment, id), Run.get, workspace.get_run, get_run: the same run, of the class of its type."""
    run = anywhere.start_logging(snapshot_directory=None)
    for found in (
        Run(anywhere, run.id),
        Run.get(anywhere.workspace, run.id),
        anywhere.workspace.get_run(run.id),
        get_run(anywhere, run.id),
        get_run(anywhere, run.id, rehydrate=False),
        next(Run.list(anywhere)),
    ):
        assert (found.id, found.get_status(), found.experiment.name) == (run.id, "Running", anywhere.name)


def test_2a_a_notebook_shows_tables_with_links(anywhere: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run and experiment as HTML: their names, escaped, and the link to their page."""
    monkeypatch.setenv("RUNLEDGER_PUBLIC_URL", "https://ledger.example/")
    run = anywhere.start_logging(snapshot_directory=None)

    assert anywhere.get_portal_url() == f"https://ledger.example/experiments/{anywhere.name}"
    for thing, text in ((run, run.id), (anywhere, anywhere.name)):
        shown = thing._repr_html_()
        assert text in shown
        assert f'href="{thing.get_portal_url()}"' in shown


@pytest.mark.parametrize("name", ["environment", "distributed_job_config", "resume_from", "docker_runtime_config"])
def test_2a_what_no_target_does_is_refused_by_name(name: str) -> None:
    """Parameters about environments are taken, and refused with the way out; they are not passed over in silence."""
    with pytest.raises(runledger.UserErrorException, match=f"{name}.*command="):
        ScriptRunConfig(".", "train.py", **{name: object()})  # type: ignore[arg-type]
