"""What shall be run where: configurations of submitted runs (parity B8, B9, G1)."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from ledger.errors import ExperimentExecutionError, RefusedError

MONTH_SECONDS = 2_592_000
_FOLDERS = (".azureml", "aml_config", "")
_SUFFIX = ".runconfig"


class NamedTarget(Protocol):
    """A target, as far as a configuration needs to know it."""

    @property
    def name(self) -> str:
        """Its name."""


@dataclass(slots=True)
class RunConfiguration:
    """A script or command with its target, kept in a file for `-c NAME` of the command line."""

    script: str | None = None
    arguments: list[str] = field(default_factory=list)
    command: list[str] | str | None = None
    target: str = "local"
    environment_variables: dict[str, str] = field(default_factory=dict)
    max_run_duration_seconds: float | None = MONTH_SECONDS

    def save(
        self, path: str | Path | None = None, name: str | None = None, separate_environment_yaml: bool = False
    ) -> Path:
        """Write `<path>/.azureml/<name>.runconfig`, and answer with its path (parity B9).

        Raises:
            RefusedError: the name is no name of a file, or it cannot be written there.
        """
        import yaml  # noqa: PLC0415 - only for who keeps configurations

        if separate_environment_yaml:
            raise RefusedError("a configuration is one file: leave separate_environment_yaml out")
        content = {
            "script": self.script,
            "arguments": list(self.arguments),
            "command": self.command,
            "target": self.target,
            "maxRunDurationSeconds": self.max_run_duration_seconds,
            "environment": {"environmentVariables": dict(self.environment_variables)},
        }
        file = Path(path or ".") / _FOLDERS[0] / _file_name(name or "local")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
        except OSError as error:
            raise RefusedError(f"the configuration cannot be written to {file}: {error}") from error
        return file

    @classmethod
    def load(cls, path: str | Path | None = None, name: str | None = None) -> "RunConfiguration":
        """Read a configuration by its name, from `.azureml/` of a folder; what is unknown here is passed over.

        Raises:
            RefusedError: it is not there, or no configuration.
        """
        import yaml  # noqa: PLC0415

        start = Path(path or ".")
        places = [start] if start.is_file() else [start / folder / _file_name(name or "local") for folder in _FOLDERS]
        file = next((each for each in places if each.is_file()), None)
        if file is None:
            raise RefusedError(f"there is no configuration {places[0]}; RunConfiguration.save() makes one")
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise RefusedError(f"{file} cannot be read: {error}") from error
        if not isinstance(content, dict):
            raise RefusedError(f"{file} holds no configuration")
        return cls._from(content)

    @classmethod
    def _from(cls, content: Mapping[str, Any]) -> "RunConfiguration":
        variables = (content.get("environment") or {}).get("environmentVariables") or {}
        return cls(
            script=content.get("script"),
            arguments=_texts(content.get("arguments")),
            command=content.get("command") or None,
            target=content.get("target") or "local",
            environment_variables={str(key): str(value) for key, value in variables.items()},
            max_run_duration_seconds=content.get("maxRunDurationSeconds", MONTH_SECONDS),
        )


class ScriptRunConfig:
    """What `Experiment.submit` takes: a script of a folder with arguments, or a command (parity G1).

    What is left out comes from `run_config`; what came of it is in `run_config` of this object, and
    may be changed there until it is submitted.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the signature of the original (parity 2.A)
        self,
        source_directory: str | Path,
        script: str | None = None,
        arguments: Sequence[object] | None = None,
        run_config: RunConfiguration | None = None,
        compute_target: NamedTarget | str | None = None,
        environment: object = None,
        distributed_job_config: object = None,
        resume_from: object = None,
        max_run_duration_seconds: float | None = MONTH_SECONDS,
        command: Sequence[object] | str | None = None,
        docker_runtime_config: object = None,
        environment_variables: Mapping[str, object] | None = None,
    ) -> None:
        """Check what can be checked before anything is sent.

        `environment`, `distributed_job_config`, `resume_from` and `docker_runtime_config` are those
        of the original, and refused: a target of ours makes no environments.

        Raises:
            RefusedError: both a script and a command are named, or neither; arguments are one text; or
                something is asked for that no target here does.
        """
        _refuse(environment, distributed_job_config, resume_from, docker_runtime_config)
        base = run_config or RunConfiguration()
        if command is not None and (script is not None or arguments is not None):
            raise RefusedError("name either a command, or a script with its arguments")
        if isinstance(arguments, str):
            raise RefusedError(f"arguments must be a list, such as {arguments.split()}; not one text")
        self.source_directory = Path(source_directory)
        self.run_config = replace(
            base,
            script=script if script is not None or command is not None else base.script,
            arguments=_texts(arguments if arguments is not None else base.arguments),
            command=command if command is None or isinstance(command, str) else _texts(command),
            environment_variables=base.environment_variables
            | {str(key): str(value) for key, value in (environment_variables or {}).items()},
        )
        if command is None and script is None:
            self.run_config.command = base.command
        if compute_target is not None:
            self.run_config.target = _target_name(compute_target)
        if max_run_duration_seconds != MONTH_SECONDS:
            self.run_config.max_run_duration_seconds = max_run_duration_seconds
        if (self.run_config.script is None) == (self.run_config.command is None):
            raise RefusedError("name a script of the folder, or a command; and not both")

    def command_line(self) -> list[str]:
        """What is executed, in a copy of the source directory.

        Raises:
            ExperimentExecutionError: the folder or the script is not there.
        """
        folder = self.source_directory.expanduser().absolute()
        if not folder.is_dir():
            raise ExperimentExecutionError(f"there is no folder {folder}")
        command = self.run_config.command
        if command is not None:
            return ["/bin/sh", "-c", command] if isinstance(command, str) else _texts(command)
        script = folder / (self.run_config.script or "")
        if not script.is_file():
            raise ExperimentExecutionError(f"there is no script {script}")
        if not script.resolve().is_relative_to(folder.resolve()):
            raise ExperimentExecutionError(
                f"the script {script} is not in the folder {folder}, which is what is kept: name a source directory "
                "that it is in"
            )
        return [sys.executable, os.path.relpath(os.path.normpath(script), folder), *_texts(self.run_config.arguments)]


def _refuse(environment: object, distributed: object, resume_from: object, docker: object) -> None:
    named = {
        "environment": environment,
        "distributed_job_config": distributed,
        "resume_from": resume_from,
        "docker_runtime_config": docker,
    }
    unknown = [name for name, value in named.items() if value is not None]
    if unknown:
        raise RefusedError(
            f"{', '.join(unknown)}: nothing here makes an environment. A script runs in the Python that submits it; "
            "command= names another program, such as docker or torchrun, and environment_variables= its variables"
        )


def _file_name(name: str) -> str:
    file_name = name if name.endswith(_SUFFIX) else name + _SUFFIX
    if Path(file_name).name != file_name or file_name == _SUFFIX:
        raise RefusedError(f"{name!r} cannot name a configuration: it is no name of a file")
    return file_name


def _texts(values: Sequence[object] | None) -> list[str]:
    return [str(value) for value in values or ()]


def _target_name(target: NamedTarget | str) -> str:
    return target if isinstance(target, str) else target.name
