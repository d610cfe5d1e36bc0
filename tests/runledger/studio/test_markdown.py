"""Markdown: what it shows, and that nothing in it acts."""

import time
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt
from playwright.sync_api import Browser

from runledger.studio import markdown as module
from runledger.studio.markdown import LONGEST, markdown
from tests.runledger.studio.hostile import KNOWN, hostile

HOSTILE = 10_000
PLAIN = (
    *("blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "p", "pre", "s", "strong"),
    *("table", "tbody", "td", "th", "thead", "tr", "ul"),
)
ALLOWED = {
    **dict.fromkeys(PLAIN, frozenset[str]()),
    "a": frozenset({"href", "title", "rel"}),
    "img": frozenset({"src", "alt", "title"}),
    "ol": frozenset({"start"}),
}


class Acting(HTMLParser):
    """Finds whatever in HTML could act."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ALLOWED:
            self.found.append(tag)
            return
        for name, value in attrs:
            if name not in ALLOWED[tag]:
                self.found.append(f"{tag} {name}")
            if name in {"href", "src"} and not _is_harmless(value or "", picture=name == "src"):
                self.found.append(f"{tag} {name}={value}")

    def handle_comment(self, data: str) -> None:
        self.found.append(f"comment {data}")

    def handle_decl(self, decl: str) -> None:
        self.found.append(f"declaration {decl}")


def _is_harmless(address: str, *, picture: bool) -> bool:
    # As browsers read it: blanks and control characters before a scheme and within do not count.
    bare = "".join(char for char in address if char > " ").lower()
    scheme, colon, _ = bare.partition(":")
    has_scheme = bool(colon) and scheme.replace("+", "").replace("-", "").replace(".", "").isalnum()
    if picture:
        return not has_scheme and not bare.startswith("//")
    return not has_scheme or scheme in {"http", "https", "mailto"}


def acting(html: str) -> list[str]:
    parser = Acting()
    parser.feed(html)
    parser.close()
    return parser.found


def test_of_ten_thousand_hostile_texts_none_acts() -> None:
    texts = list(hostile(HOSTILE))

    assert len(texts) == HOSTILE
    assert len(set(texts)) > HOSTILE * 0.95
    assert {text: found for text in texts if (found := acting(markdown(text)))} == {}


def test_each_guard_alone_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Either could be broken by a change of its library."""
    # The preset alone would let through pictures of other sites, and what classes and styles it sets itself.
    own = {"h1", "code class", "td style", "th style"}
    raw = [found for text in KNOWN for found in acting(MarkdownIt("js-default").render(text))]
    monkeypatch.setattr(module, "_parser", lambda: MarkdownIt("commonmark"))

    assert [found for found in raw if found not in own and not found.startswith("img src=data:image/")] == []
    assert [found for text in KNOWN for found in acting(markdown(text))] == []


def test_the_test_sees_what_acts() -> None:
    through = [text for text in KNOWN if acting(MarkdownIt("commonmark").render(text))]

    assert len(through) > len(KNOWN) / 3


def test_no_browser_acts_on_it_even_without_a_policy(browser: Browser) -> None:
    page = browser.new_context().new_page()
    page.route("**/*", lambda route: route.abort())
    shown = "".join(f"<div>{markdown(text)}</div>" for text in hostile(2_000, seed=2))
    page.set_content(f"<!DOCTYPE html><body>{shown}</body>")
    page.wait_for_function("document.readyState === 'complete'")
    acted, handlers = page.evaluate(
        """() => [window.acted === undefined, [...document.querySelectorAll("body *")].filter(
            each => [...each.attributes].some(one => one.name.startsWith("on"))
              || /^(javascript|data|vbscript):/i.test(each.href || each.src || "")).length]"""
    )
    page.context.close()

    assert (acted, handlers) == (True, 0)


def test_what_people_write_is_shown() -> None:
    text = (
        "# Title\n\nSome *words*, **bold** and ~~gone~~, `x < y`, [a link](https://example.org 'so') and "
        "[a run](/runs/r1).\n\n![curve](/api/v1/runs/r1/artifacts/loss.png)\n\n| a | b |\n|--:|--|\n| 1 | 2 |\n\n"
        "3. three\n4. four\n\n> said\n\n```python\nprint('<hello>')\n```\n"
    )
    html = markdown(text)

    for part in (
        "<h3>Title</h3>",
        "<em>words</em>",
        "<strong>bold</strong>",
        "<s>gone</s>",
        "<code>x &lt; y</code>",
        '<a href="https://example.org" title="so" rel="noopener noreferrer nofollow">a link</a>',
        'href="/runs/r1"',
        '<img src="/api/v1/runs/r1/artifacts/loss.png" alt="curve">',
        "<td>1</td>",
        '<ol start="3">',
        "<blockquote>",
        "print('&lt;hello&gt;')",
    ):
        assert part in html, part


def test_pictures_of_other_sites_are_left_out() -> None:
    assert "evil" not in markdown("![spy](https://evil.example/x.png) ![spy](//evil.example/x.png)")
    assert markdown("![spy](https://evil.example/x.png)") == '<p><img alt="spy"></p>\n'


@pytest.mark.parametrize("part", ["[", "> ", "*a_ ", "`", "![", "<", "|", "- ", "[a](", "a|"])
def test_no_text_takes_long(part: str) -> None:
    """What a loop over all of it for each character would take for minutes."""
    began = time.process_time()
    markdown(part * (LONGEST // len(part)))

    assert time.process_time() - began < 10


def test_what_is_too_long_is_shown_as_it_was_typed() -> None:
    assert markdown("<b>" * LONGEST) == "<pre>" + "&lt;b&gt;" * LONGEST + "</pre>"
