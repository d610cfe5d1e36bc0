"""What a run is about (parity section E)."""

import pytest

from runledger import Experiment, UserErrorException
from schemas.limits import AZURE_LIMITS, Limits
from tests.runledger.cli.calling import call


def test_e1_a_description_is_set_changed_and_cleared(anywhere: Experiment, location: str) -> None:
    """By the SDK and by a command, also when the run has ended; ours may have 100,000 characters, Azure's 5,000."""
    run = anywhere.start_logging()
    run.description = "# Why\n\n*because*"
    assert run.description == "# Why\n\n*because*"
    run.complete()
    assert call("run", "update", "-w", location, "-r", run.id, "--description", "later").code == 0
    assert run.description == "later"
    run.description = None
    assert run.description is None
    longest = Limits().description_length
    assert longest > AZURE_LIMITS["description_length"] + 1
    run.description = "x" * longest
    with pytest.raises(UserErrorException, match=f"{longest:,} are allowed"):
        run.description = "x" * (longest + 1)
    assert len(run.description or "") == longest
