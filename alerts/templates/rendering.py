"""From templates and facts to the subject and the two parts of a message."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from itertools import islice
from time import thread_time

from jinja2 import Template, TemplateError
from markupsafe import escape

from alerts.facts import Facts
from alerts.templates.budget import Budget, TemplateFailedError, fits
from alerts.templates.context import KNOWN, context_of
from alerts.templates.fallback import fallback
from alerts.templates.rendered import Rendered, Templates
from alerts.templates.sandbox import BUDGET, Sandbox, TemplateRefusedError
from alerts.templates.words import one_line, plain

_COMPILED = 512
_CHUNKS = 64
_SUBJECT_LENGTH = 250
_PAGE = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"></head>
<body><div style="max-width:600px;margin:0 auto;white-space:pre-wrap;overflow-wrap:anywhere">{text}</div></body></html>
"""


@dataclass(frozen=True, slots=True)
class _Sources:
    subject: str
    text: str
    html: str | None


class Renderer:
    """Renders messages; templates are compiled once and found again by their text."""

    def __init__(self, clock: Callable[[], float] = thread_time) -> None:
        """With this clock, in seconds, for the time limit."""
        self._clock = clock
        text, html = Sandbox(KNOWN, autoescape=False), Sandbox(KNOWN, autoescape=True)
        self._text: Callable[[str], Template] = lru_cache(_COMPILED)(text.compiled)
        self._html: Callable[[str], Template] = lru_cache(_COMPILED)(html.compiled)

    def render(self, templates: Templates, facts: Facts) -> Rendered:
        """The message; raises TemplateRefusedError or TemplateFailedError."""
        sources = _sources(templates, many=facts.count > 1)
        subject, text = self._text(sources.subject), self._text(sources.text)
        html = None if sources.html is None else self._html(sources.html)
        names = {**context_of(facts), BUDGET: Budget(self._clock)}
        written = _written(text, names)
        return Rendered(
            subject=one_line(_written(subject, names), _SUBJECT_LENGTH) or "(no subject)",
            text=written,
            html=_PAGE.format(text=escape(written)) if html is None else _written(html, names),
        )

    def render_or_fall_back(self, templates: Templates, facts: Facts) -> Rendered:
        """The message, or the built-in plain one with the facts and the error; never raises."""
        try:
            rendered = self.render(templates, facts)
        except Exception as error:  # noqa: BLE001  what is wrong with a template must not keep the facts back
            return fallback(facts, error)
        blank = not rendered.text.strip() or not rendered.html.strip()
        return fallback(facts, "it made an empty message") if blank else rendered

    def check(self, templates: Templates, facts: Facts) -> Rendered:
        """The message for a rule that is being saved; raises TemplateRefusedError that names what is wrong."""
        for part, source in (("subject", templates.subject), ("text", templates.text), ("html", templates.html)):
            try:
                if source is not None:
                    self.render(Templates(**{part: source}), facts)
            except (TemplateRefusedError, TemplateFailedError) as error:
                raise TemplateRefusedError(f"the {part} template is refused: {error}") from error
        return self.render(templates, facts)


def _sources(templates: Templates, *, many: bool) -> _Sources:
    """Templates of one's own are about one run; many are told of with ours."""
    default = _defaults("many" if many else "mail")
    if many:
        return default
    own_text_alone = templates.text is not None and templates.html is None
    return _Sources(
        default.subject if templates.subject is None else templates.subject,
        default.text if templates.text is None else templates.text,
        None if own_text_alone else default.html if templates.html is None else templates.html,
    )


@cache
def _defaults(kind: str) -> _Sources:
    folder = resources.files("alerts.templates")
    subject, text, html = (
        folder.joinpath(name).read_text(encoding="utf-8")
        for name in ("subject.txt.jinja", f"{kind}.txt.jinja", f"{kind}.html.jinja")
    )
    return _Sources(subject, text, html)


def _written(template: Template, names: dict[str, object]) -> str:
    try:
        return plain("".join(_within_size(template.generate(names))))
    except TemplateFailedError:
        raise
    except TemplateError as error:
        raise TemplateFailedError(f"the template failed: {error.message}") from error
    except Exception as error:  # a template can do anything wrong that an expression can
        raise TemplateFailedError(f"the template failed: {type(error).__name__}: {error}") from error


def _within_size(chunks: Iterator[str]) -> Iterator[str]:
    """Some at a time: to look at each one costs as much as to make it."""
    size = 0
    while some := list(islice(chunks, _CHUNKS)):
        fits(size + sum(map(len, some)))
        joined = "".join(some)
        size += len(joined) if joined.isascii() else len(joined.encode("utf-8", "replace"))
        fits(size)
        yield joined
