"""Random but lifelike commands, for comparing one way to the same rows with another."""

from hypothesis import strategies as st

from ledger.commands import (
    AddParameters,
    AddProperties,
    ArchiveRun,
    ChangeStatus,
    Command,
    CreateExperiment,
    DescribeRun,
    RestoreRun,
    ResumeRun,
    StartRun,
    TagRun,
    UntagRun,
)
from schemas.statuses import RunStatus

RUNS = ["r1", "r2", "r3", "r4", "r5"]
KEYS = ["quality", "owner", "a b"]
VALUES = ["x", "y", "", "it's"]

run_ids = st.sampled_from(RUNS)
keys = st.sampled_from(KEYS)
tags = st.dictionaries(keys, st.sampled_from([*VALUES, None]), max_size=2)
properties = st.dictionaries(keys, st.sampled_from(VALUES), max_size=2)

starts: st.SearchStrategy[StartRun] = st.builds(
    StartRun,
    run_id=run_ids,
    experiment=st.sampled_from(["e1", "e2"]),
    status=st.sampled_from([RunStatus.RUNNING, RunStatus.NOT_STARTED]),
    tags=tags,
    properties=properties,
    parent_run_id=st.sampled_from([None, None, "r1"]),
    target=st.sampled_from(["local", "gpu"]),
)

commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(CreateExperiment, name=st.sampled_from(["e1", "e3"])),
    starts,
    st.builds(TagRun, run_id=run_ids, tags=tags),
    st.builds(UntagRun, run_id=run_ids, keys=st.lists(keys, max_size=2)),
    st.builds(AddProperties, run_id=run_ids, properties=properties),
    st.builds(AddParameters, run_id=run_ids, parameters=st.dictionaries(keys, st.sampled_from([1, 1.0, "1", True]))),
    st.builds(ChangeStatus, run_id=run_ids, status=st.sampled_from(list(RunStatus))),
    st.builds(
        DescribeRun, run_id=run_ids, changes=st.dictionaries(st.just("description"), st.sampled_from(["d", None]))
    ),
    st.builds(ResumeRun, run_id=run_ids),
    st.builds(ArchiveRun, run_id=run_ids),
    st.builds(RestoreRun, run_id=run_ids),
)
stories = st.lists(commands, max_size=30)
