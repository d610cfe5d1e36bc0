"""Everything that a message can speak of, as of the position that triggered it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Value = None | bool | int | float | str
"""A logged value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One of many things in a message, in short; `at` is when it was recorded."""

    run_id: str
    name: str
    experiment: str
    status: str
    at: int
    error: str | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was known of the rule, the run and the change, and nothing that came later.

    Times are milliseconds since 1970 UTC. `kind` says why there is a message: "fired",
    "repeated", "corrected", "resolved", "digest", "test", "template". `presumed` is a judgement from outside the
    run, and `certainty` tells how its end is known. `trigger` is the position in the control log.
    `occasion` is what is told where no status changed, without its subject: "has not ended ...".
    `title` and `text` are what the script said. Of many things told together the run is the last,
    `told` are the first ten, `count` is their number, `counts` by status, `by` what they share;
    `rules` names the rules that noticed them, where there are several.
    """

    workspace: str
    rule_id: str
    rule_name: str
    run_id: str
    experiment: str
    new_status: str
    trigger: int
    recorded_at: int
    kind: str = "fired"
    location: str | None = None
    public_url: str | None = None
    display_name: str | None = None
    old_status: str | None = None
    presumed: bool = False
    certainty: str | None = None
    reason: str | None = None
    actor: str | None = None
    started_at: int | None = None
    ended_at: int | None = None
    error_code: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    traceback: str | None = None
    log_lines: Sequence[str] = ()
    tags: Mapping[str, str | None] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Value] = field(default_factory=dict)
    last_values: Mapping[str, Value] = field(default_factory=dict)
    attempt: int = 1
    parent_run_id: str | None = None
    severity: str | None = None
    occasion: str | None = None
    title: str | None = None
    text: str | None = None
    told: Sequence[Told] = ()
    count: int = 1
    counts: Mapping[str, int] = field(default_factory=dict)
    by: Mapping[str, str] = field(default_factory=dict)
    rules: Sequence[str] = ()

    @property
    def duration_ms(self) -> int | None:
        """From the start of the attempt to its end, or to the change where it has no end yet."""
        if self.started_at is None:
            return None
        return max(0, (self.recorded_at if self.ended_at is None else self.ended_at) - self.started_at)
