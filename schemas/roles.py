"""What users of a server are; light enough for a training process."""

from enum import StrEnum

_FORMER = {"writer": "contributor", "reader": "viewer"}


class Role(StrEnum):
    """An admin may do everything, a contributor all but users and tokens, a viewer only ask."""

    ADMIN = "admin"
    CONTRIBUTOR = "contributor"
    VIEWER = "viewer"

    @classmethod
    def _missing_(cls, value: object) -> "Role | None":
        # Older clients name roles so.
        former = _FORMER.get(str(value))
        return cls(former) if former else None


def role_named(text: str) -> str:
    """Today's name of the role that an event names; one that is not known stays as it is."""
    return _FORMER.get(text, text)
