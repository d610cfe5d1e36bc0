"""What people write in Markdown, as HTML that can do no harm."""

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

# The preset that shows HTML as text; `commonmark` would let it through.
_markdown = MarkdownIt("js-default")


def render(text: str) -> Markup:
    """The HTML of a text; scripts, handlers and addresses that run something are gone."""
    return Markup(nh3.clean(_markdown.render(text)))  # noqa: S704 - cleaned
