"""Files of a run as a command names them, checked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.artifacts.content import Content, key_of
from ledger.artifacts.names import check_artifact_name
from ledger.domain.names import check_length
from ledger.errors import BadContentError, LimitExceededError, NotFoundError
from schemas.limits import Limits

_FIELDS = frozenset({"name", "sha256", "size", "content_type", "kind", "metric"})
_CONTENT_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}", re.ASCII)
_KIND = re.compile(r"[a-z_]{1,50}")
_INT64 = 2**63


@dataclass(frozen=True, slots=True)
class Artifact:
    """A name and the content that it stands for; `kind` and `metric` as in the event."""

    name: str
    content: Content
    content_type: str | None = None
    kind: str | None = None
    metric: str | None = None

    def fields(self) -> dict[str, Any]:
        """The fields of its event."""
        return {
            "artifact_name": self.name,
            "size": self.content.size,
            "sha256": self.content.sha256,
            "address": key_of(self.content.sha256),
            "content_type": self.content_type,
            "kind": self.kind,
            "metric": self.metric,
        }


def checked_artifacts(given: Sequence[Mapping[str, Any]], limits: Limits) -> list[Artifact]:
    """The files that a command names.

    Raises:
        InvalidNameError: a name leads elsewhere.
        BadContentError: a field is not what it should be.
        LimitExceededError: they are too many for one command.
    """
    if not 1 <= len(given) <= limits.artifacts_per_call:
        raise LimitExceededError(f"one command names 1 to {limits.artifacts_per_call:,} files, not {len(given):,}")
    return [_checked(each, limits) for each in given]


def _checked(given: Mapping[str, Any], limits: Limits) -> Artifact:
    name, digest, size = given.get("name"), given.get("sha256"), given.get("size")
    check_artifact_name(name, limits)  # type: ignore[arg-type]  # it looks at the type too
    unknown = sorted(set(given) - _FIELDS)
    if unknown:
        raise BadContentError(f"file {name!r}: there is no field {unknown[0]!r}")
    if type(size) is not int or not 0 <= size < _INT64:
        raise BadContentError(f"file {name!r}: its size must be a number of bytes, not {size!r}")
    _check_form(name, "content_type", given.get("content_type"), _CONTENT_TYPE, "a type such as 'image/png'")
    _check_form(name, "kind", given.get("kind"), _KIND, "a word such as 'image'")
    metric = given.get("metric")
    if metric is not None and not isinstance(metric, str):
        raise BadContentError(f"file {name!r}: its metric must be text, not {metric!r}")
    check_length("metric of a file", metric, limits.metric_name_length)
    return Artifact(str(name), _content(name, digest, size), given.get("content_type"), given.get("kind"), metric)


def _content(name: object, digest: object, size: int) -> Content:
    try:
        key_of(str(digest))
    except NotFoundError as error:
        raise BadContentError(f"file {name!r}: {digest!r} is no SHA-256 in lower-case hex") from error
    return Content(str(digest), size)


def _check_form(name: object, field: str, value: object, form: re.Pattern[str], wanted: str) -> None:
    if value is not None and (not isinstance(value, str) or not form.fullmatch(value)):
        raise BadContentError(f"file {name!r}: its {field} must be {wanted}, not {str(value)[:40]!r}")
