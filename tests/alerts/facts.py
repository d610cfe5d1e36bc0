"""Facts for tests: an ordinary failure, and whatever events may hold."""

from typing import Any

from hypothesis import strategies as st

from alerts.facts import Facts, Told

FAILURE = Facts(
    workspace="vision",
    location="https://runs.example.org",
    public_url="https://runs.example.org",
    rule_id="0b6f2f0e-6f0c-4d9e-9c53-1f8a3b6c2d10",
    rule_name="training failed",
    run_id="digits_1780000000_4f1c",
    experiment="digits",
    display_name="résumé of żółw",
    old_status="Running",
    new_status="Failed",
    reason="the script raised an exception",
    actor="Łucja",
    started_at=1_779_990_000_000,
    ended_at=1_780_000_000_000,
    error_code="exception",
    error_type="ValueError",
    error_message="could not convert string to float: 'n/a'",
    traceback='Traceback (most recent call last):\n  File "train.py", line 12, in <module>\n    float(cell)\n',
    log_lines=["epoch 1 loss 0.93", "epoch 2 loss <nan> & no more"],
    tags={"owner": "łucja", "baseline": None},
    properties={"git.commit": "4f1c9a0"},
    parameters={"learning rate": 0.001, "layers": 3, "shuffle": True},
    last_values={"loss": float("nan"), "accuracy": 0.9123456},
    trigger=41,
    recorded_at=1_780_000_000_123,
)

# What editors, terminals and attackers put into names.
HOSTILE = (
    "two\nlines",
    "carriage\r\nBcc: everyone@example.org",
    "nul\x00nul",
    "\x1b[31mred\x1b[0m",
    "form\x0cfeed\x0bvertical\x85next\u2028line\u2029paragraph",
    "turned \u202e round",
    "=?utf-8?q?not_what_it_seems?=",
    "half of a pair \ud83d",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}{% for x in y %}",
    "x" * 1_000,
    "żółć " * 100,
    "  spaces   within and at the end  ",
    "",
    ".",
    '"quoted" <looks@like.an.address>',
)

_text = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=()), max_size=60))
_maybe = st.none() | _text
_scalar = st.none() | st.booleans() | st.integers() | st.just(10**3_999) | st.floats() | _text
_time = st.none() | st.integers(0, 253_402_300_799_999)


def _any_told() -> st.SearchStrategy[Told]:
    at = st.integers(0, 253_402_300_799_999)
    return st.builds(Told, run_id=_text, name=_text, experiment=_text, status=_text, at=at, error=_maybe)


def any_facts() -> st.SearchStrategy[Facts]:
    """Facts with anything in every field."""
    texts = ("workspace", "rule_id", "rule_name", "run_id", "experiment", "new_status", "kind")
    maybes = ("location", "public_url", "display_name", "old_status", "certainty", "reason", "actor", "parent_run_id")
    errors = ("error_code", "error_type", "error_message", "traceback")
    drawn: dict[str, st.SearchStrategy[Any]] = (
        dict.fromkeys(texts, _text)
        | dict.fromkeys(maybes + errors, _maybe)
        | {
            "presumed": st.booleans(),
            "started_at": _time,
            "ended_at": _time,
            "recorded_at": st.integers(0, 253_402_300_799_999),
            "trigger": st.integers(0, 2**62),
            "attempt": st.integers(1, 5),
            "log_lines": st.lists(_text, max_size=4),
            "tags": st.dictionaries(_text, _maybe, max_size=3),
            "properties": st.dictionaries(_text, _text, max_size=3),
            "parameters": st.dictionaries(_text, _scalar, max_size=3),
            "last_values": st.dictionaries(_text, _scalar, max_size=3),
            "severity": st.sampled_from([None, "info", "critical"]),
            "occasion": _maybe,
            "title": _maybe,
            "text": _maybe,
            "told": st.lists(_any_told(), max_size=2),
            "count": st.sampled_from([1, 1, 2, 500]),
            "counts": st.dictionaries(_text, st.integers(0, 500), max_size=2),
            "by": st.dictionaries(st.sampled_from(["parent", "experiment", "tag:team"]), _text, max_size=3),
        }
    )
    return st.builds(Facts, **drawn)
