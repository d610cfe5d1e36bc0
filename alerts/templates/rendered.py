"""What goes into rendering and what comes out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Templates:
    """A rule's own templates; None is the default.

    With a text template alone, the HTML part shows the same text.
    """

    subject: str | None = None
    text: str | None = None
    html: str | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """The subject in one line, and the same message twice; `failure` says why it is the built-in plain one."""

    subject: str
    text: str
    html: str
    failure: str | None = None
