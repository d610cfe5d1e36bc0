"""The run ledger: a history of machine-learning runs that cannot lie.

from runledger import Experiment, Workspace
"""

from typing import TYPE_CHECKING, Any

from runledger.packages import check_packages

if TYPE_CHECKING:
    from ledger.errors import (
        ActivityFailedException,
        AzureMLException,
        ExperimentExecutionException,
        RunCanceled,
        RunEnvironmentException,
        ServiceException,
        SnapshotException,
        UserErrorException,
    )
    from ledger.sdk.config import RunConfiguration, ScriptRunConfig
    from ledger.sdk.experiment import Experiment
    from runledger.run import Run, ScriptRun, get_run
    from runledger.workspace import Workspace
    from schemas.errors import LedgerError

check_packages()

VERSION = "0.1.0"
__version__ = VERSION
__all__ = [
    "VERSION",
    "ActivityFailedException",
    "AzureMLException",
    "Experiment",
    "ExperimentExecutionException",
    "LedgerError",
    "Run",
    "RunCanceled",
    "RunConfiguration",
    "RunEnvironmentException",
    "ScriptRun",
    "ScriptRunConfig",
    "ServiceException",
    "SnapshotException",
    "UserErrorException",
    "Workspace",
    "get_run",
]

_HOMES = {
    "Workspace": "runledger.workspace",
    "Experiment": "ledger.sdk.experiment",
    "Run": "runledger.run",
    "ScriptRun": "runledger.run",
    "get_run": "runledger.run",
    "ScriptRunConfig": "ledger.sdk.config",
    "RunConfiguration": "ledger.sdk.config",
    "LedgerError": "schemas.errors",
    "AzureMLException": "ledger.errors",
    "ServiceException": "ledger.errors",
    "SnapshotException": "ledger.errors",
    "UserErrorException": "ledger.errors",
    "RunCanceled": "ledger.errors",
    "RunEnvironmentException": "ledger.errors",
    "ActivityFailedException": "ledger.errors",
    "ExperimentExecutionException": "ledger.errors",
}


def __getattr__(name: str) -> Any:
    # Nothing is imported before it is used: a training process starts light.
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'runledger' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
