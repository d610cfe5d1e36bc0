"""Markdown as HTML that cannot act: what people write about runs is shown to others who are logged in.

Twice safe: the preset `js-default` lets no HTML through (`commonmark` would), and nh3 keeps what is listed here alone.
"""

from functools import cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markupsafe import Markup

LONGEST = 20_000
"""Characters that are read as Markdown: some texts take time by the square of their length, 0.2 s for so many."""
# fmt: off
_TAGS = {
    "a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "img", "li", "ol", "p", "pre", "s", "strong",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
}
# fmt: on
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "ol": {"start"}}
_SCHEMES = {"http", "https", "mailto"}
_NESTING = 20
_LEVELS_BELOW_PAGE, _LOWEST = 2, 6


def markdown(text: str) -> Markup:
    """A text as HTML: links lead to http, https, mailto or this server, pictures come from this server alone.

    One that is longer than `LONGEST` is shown as it was typed.
    """
    if len(text) > LONGEST:
        return Markup("<pre>{}</pre>").format(text)
    return Markup(_cleaner().clean(_parser().render(text)))  # noqa: S704 - what nh3 has cleaned


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("js-default", {"maxNesting": _NESTING})
    parser.core.ruler.push("below_page", _below_page)
    return parser


@cache
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_kept,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer nofollow",
    )


def _kept(tag: str, attribute: str, value: str) -> str | None:
    """A picture of another site would tell it who looks when; the page's policy keeps it out as well."""
    elsewhere = tag == "img" and attribute == "src" and (":" in value or value.startswith(("//", "/\\", "\\")))
    return None if elsewhere else value


def _below_page(state: StateCore) -> None:
    """Headings stand below those of the page around them."""
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(_LOWEST, int(token.tag[1:]) + _LEVELS_BELOW_PAGE)}"
