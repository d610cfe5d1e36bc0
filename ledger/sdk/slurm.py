"""What a Slurm job says about itself (sbatch(1), "OUTPUT ENVIRONMENT VARIABLES")."""

from collections.abc import Mapping
from uuid import uuid4

_PROPERTIES = {
    "slurm.job_id": "SLURM_JOB_ID",
    "slurm.array_job_id": "SLURM_ARRAY_JOB_ID",
    "slurm.array_task_id": "SLURM_ARRAY_TASK_ID",
    "slurm.node": "SLURMD_NODENAME",
}
_JOB, _RESTARTS = "SLURM_JOB_ID", "SLURM_RESTART_COUNT"


def slurm_properties(environment: Mapping[str, str]) -> dict[str, str]:
    """The properties of a run that a job starts; none outside Slurm."""
    if not environment.get(_JOB):
        return {}
    found = {key: environment[name] for key, name in _PROPERTIES.items() if environment.get(name)}
    return found | {"slurm.restart_count": str(_restarts(environment))}


def restart_of(environment: Mapping[str, str], *, offline: bool) -> str | None:
    """The name of this start of the job, where it proves that all earlier attempts of its run are over.

    It does when Slurm has started the job again (Slurm ends all of a job first). Offline nobody can be
    asked, so it is always said, and decided at delivery.
    """
    job, restarts = environment.get(_JOB), _restarts(environment)
    if job and (restarts or offline):
        return f"Slurm job {job}, restart {restarts}"
    return f"offline {uuid4()}" if offline else None


def _restarts(environment: Mapping[str, str]) -> int:
    # Slurm sets no count at the first start.
    text = environment.get(_RESTARTS, "")
    return int(text) if text.isascii() and text.isdigit() else 0
