"""Our limits beside Azure's, and the light modules."""

import dataclasses
import subprocess
import sys
from typing import Any

import pytest

from schemas.limits import AZURE_LIMITS, UNSTORABLE, Limits
from schemas.statuses import TERMINAL, RunStatus


def test_the_limits_of_the_design() -> None:
    limits = Limits()

    assert (limits.metric_names, limits.parameters, limits.parameter_value_length) == (10_000, 2_000, 8_000)
    assert (limits.tags, limits.columns, limits.seal_bytes, limits.log_lines) == (500, 500, 128_000, 20)


@pytest.mark.parametrize("name", sorted(AZURE_LIMITS))
def test_ours_are_never_smaller(name: str) -> None:
    assert getattr(Limits(), name, AZURE_LIMITS[name]) >= AZURE_LIMITS[name]


def test_limits_can_be_set_and_then_do_not_change() -> None:
    limits = Limits(tags=2)

    assert limits.tags == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        limits.tags = 3  # type: ignore[misc]


def test_azures_figures_do_not_change() -> None:
    figures: Any = AZURE_LIMITS
    with pytest.raises(TypeError):
        figures["tags"] = 1


@pytest.mark.parametrize("text", ["\0", "\ud800", "a\udfffb"])
def test_unstorable_text_is_found(text: str) -> None:
    assert UNSTORABLE.search(text)
    assert not UNSTORABLE.search("żółw\n\t\x1f😀")


def test_fifteen_statuses_of_which_three_are_ends() -> None:
    assert len(RunStatus) == 15
    assert {RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELED} == TERMINAL
    assert "Unknown" not in set(RunStatus)
    assert RunStatus("NotResponding") is RunStatus.NOT_RESPONDING


@pytest.mark.parametrize("module", ["schemas.statuses", "schemas.limits"])
def test_a_training_process_loads_them_without_pydantic(module: str) -> None:
    program = f"import {module}, sys; sys.exit('pydantic' in sys.modules or 'pydantic_core' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], check=False)

    assert done.returncode == 0
