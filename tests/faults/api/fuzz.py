"""Whatever is sent to the API: an answer as described, no 5xx, no stack trace.

Cases are drawn from the description by schemathesis, valid ones and broken ones; every other one is
aimed at a run, an experiment and a rule that are there, so that what lies behind the first check is tried too.
"""

import uuid
from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from requests.adapters import HTTPAdapter
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
_TRACES = ("Traceback (most recent call last)", 'File "/')
# A position that is waited for is no matter of this: each would take five seconds.
_POSITIONS = frozenset({"at_least", "values_at_least"})
_SHOWN = 3
ODD: tuple[Any, ...] = (
    "\ud800",
    "\x00",
    "",
    "x" * 20_000,
    10**400,
    -1,
    2**63,
    0.1,
    True,
    None,
    [],
    {},
    {"\ud800": "\x00"},
    {"": None},
    {"$enc": ["k", "n", "c"]},
    ["\x00", ""],
    "9999-12-31T23:59:59.999999-14:00",
    "0001-01-01T00:00:00+14:00",
    "../x",
    "=",
    "%",
)


@dataclass
class Found:
    """How many cases were sent, what came back, and what of it should not have."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[str, list[str]] = field(default_factory=dict)

    def fail(self, where: str, what: str, example: str) -> None:
        examples = self.failures.setdefault(f"{where}: {what}", [])
        if len(examples) < _SHOWN:
            examples.append(example)

    def add(self, other: "Found") -> None:
        self.cases += other.cases
        self.statuses += other.statuses
        for what, examples in other.failures.items():
            self.failures.setdefault(what, []).extend(examples[:_SHOWN])


@dataclass(frozen=True)
class Known:
    """What is there."""

    run_id: str
    experiment: str
    rule_id: str
    sha256: str

    def of(self, name: str) -> str | None:
        return {
            "run_id": self.run_id,
            "parent_run_id": self.run_id,
            "name": self.experiment,
            "experiment": self.experiment,
            "rule_id": self.rule_id,
            "sha256": self.sha256,
        }.get(name)


@schemathesis.serializer("message/rfc822")
def _mail(_: schemathesis.SerializationContext, value: Any) -> Any:
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


def session_of(token: str) -> requests.Session:
    """Connections that are kept, in the name of a user; what no proxy of this machine may have a say in."""
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(pool_maxsize=1))
    session.headers["Authorization"] = f"Bearer {token}"
    return session


def fuzz(url: str, token: str, known: Known, examples: int, number: int, *, planted: int = 40) -> Found:
    """Draw so many cases of each mode for each operation, and send each in many forms; `number` is the seed."""
    session, found = session_of(token), Found()
    schema = schemathesis.openapi.from_dict(session.get(f"{url}/openapi.json", timeout=30).json())
    schema.config.update(base_url=url)
    for result in schema.get_all_operations():
        if not isinstance(result, Ok):
            found.fail("the description", "an operation that cannot be read", str(result.err()))
            continue
        operation = result.ok()
        for mode in MODES:
            try:
                strategy = operation.as_strategy(generation_mode=mode)
                _send(strategy, examples, number, lambda case: _try(session, url, known, case, found, planted))
            except Unsatisfiable:
                # Nothing that is sent to who takes nothing is wrong.
                if mode is GenerationMode.POSITIVE:
                    found.fail(operation.label, "no cases", "")
    session.close()
    return found


def _send(strategy: Any, examples: int, number: int, attempt: Any) -> None:
    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def send(case: Case[Any]) -> None:
        attempt(case)

    send()


def _try(session: requests.Session, url: str, known: Known, case: Case[Any], found: Found, planted: int) -> None:
    """Send a case as it was drawn, at what is there, and with something odd in one place of it."""
    _calm(case)
    _send_one(session, url, case, found)
    _aim(case, known)
    _send_one(session, url, case, found)
    body, query = case.body, case.query
    for _ in range(planted):
        case.body, case.query = deepcopy(body), deepcopy(query)
        if _plant(case, ODD[found.cases % len(ODD)], found.cases):
            _send_one(session, url, case, found)


def _send_one(session: requests.Session, url: str, case: Case[Any], found: Found) -> None:
    found.cases += 1
    label = case.operation.label
    try:
        response = case.call(base_url=url, session=session, timeout=60)
    except (requests.exceptions.InvalidHeader, requests.exceptions.InvalidJSONError, UnicodeError):
        # No client of this kind can send it.
        found.cases -= 1
        return
    except requests.exceptions.RequestException as error:
        found.fail(label, type(error).__name__, case.as_curl_command())
        return
    found.statuses[response.status_code] += 1
    text = response.content.decode(errors="replace")
    if any(trace in text for trace in _TRACES):
        found.fail(label, "a stack trace", f"{case.as_curl_command()}\n{text[:500]}")
    try:
        case.validate_response(response, checks=CHECKS)
    except (Failure, FailureGroup) as error:
        inner = error.exceptions if isinstance(error, FailureGroup) else [error]
        for each in inner:
            found.fail(label, type(each).__name__, f"{each}\n{case.as_curl_command()}")


def _calm(case: Case[Any]) -> None:
    if isinstance(case.query, dict):
        for name in _POSITIONS & case.query.keys():
            case.query[name] = _small(case.query[name])
    if isinstance(case.body, dict) and "at_least" in case.body:
        case.body["at_least"] = _small(case.body["at_least"])
    if case.operation.path.endswith("/stream"):
        case.query = {**(case.query or {}), "follow": "false"}


def _small(value: Any) -> Any:
    if isinstance(value, list):
        return [_small(each) for each in value]
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value > 0:
        return 1
    return 1 if isinstance(value, str) and value.strip().lstrip("+").isdigit() else value


def _aim(case: Case[Any], known: Known) -> None:
    """Let a case be about what is there, and have a command id that no other has."""
    if isinstance(case.path_parameters, dict):
        for name in case.path_parameters:
            case.path_parameters[name] = known.of(name) or case.path_parameters[name]
    if isinstance(case.body, Mapping):
        commands = case.body.get("commands")
        for body in commands if isinstance(commands, list) else [case.body]:
            if isinstance(body, dict):
                _aim_body(body, known)


def _plant(case: Case[Any], odd: Any, number: int) -> bool:
    """Put an odd value into the body, or into the query; whether there is such a place."""
    at: Any = case.body if isinstance(case.body, dict | list) and case.body else case.query
    for _ in range(number % 4):
        inner = [each for each in (at.values() if isinstance(at, dict) else at or ()) if each]
        deeper = [each for each in inner if isinstance(each, dict | list)]
        at = deeper[number % len(deeper)] if deeper else at
    if not isinstance(at, dict | list) or not at:
        return False
    if isinstance(at, dict):
        key = list(at)[number % len(at)]
        if key in {"type", "command", "follow", *_POSITIONS}:
            return False
        at[key] = odd if at is not case.query else str(odd)[:2_000].encode("utf-8", "replace").decode()
    else:
        at[number % len(at)] = odd
    return True


def _aim_body(body: dict[str, Any], known: Known) -> None:
    if "command" in body:
        body["command"] = str(uuid.uuid4())
    starts = body.get("type") in {"start-run", "create-experiment", "delete-experiment", "add-user"}
    for name in () if starts else body:
        body[name] = known.of(name) or body[name]
