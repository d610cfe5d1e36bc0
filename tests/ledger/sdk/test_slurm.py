"""What a Slurm job says about itself."""

from ledger.sdk.slurm import restart_of, slurm_properties

JOB = {"SLURM_JOB_ID": "4711", "SLURM_ARRAY_JOB_ID": "4700", "SLURM_ARRAY_TASK_ID": "3", "SLURMD_NODENAME": "n1"}


def test_a_job_says_its_number_its_place_in_an_array_its_restarts_and_its_node() -> None:
    assert slurm_properties(JOB) == {
        "slurm.job_id": "4711",
        "slurm.array_job_id": "4700",
        "slurm.array_task_id": "3",
        "slurm.node": "n1",
        "slurm.restart_count": "0",
    }


def test_outside_slurm_there_is_nothing_to_say() -> None:
    assert slurm_properties({"SLURMD_NODENAME": "login"}) == {}
    assert restart_of({"SLURM_RESTART_COUNT": "1"}, offline=False) is None


def test_only_a_restart_of_the_job_proves_that_earlier_attempts_are_over() -> None:
    again = JOB | {"SLURM_RESTART_COUNT": "2"}

    assert restart_of(JOB, offline=False) is None
    assert restart_of(again, offline=False) == restart_of(again, offline=True) == "Slurm job 4711, restart 2"
    assert restart_of(JOB | {"SLURM_RESTART_COUNT": "many"}, offline=False) is None


def test_offline_each_start_has_a_name_and_all_ranks_of_one_start_have_the_same() -> None:
    assert restart_of(JOB, offline=True) == restart_of(JOB, offline=True) == "Slurm job 4711, restart 0"
    assert restart_of({}, offline=True) != restart_of({}, offline=True)
