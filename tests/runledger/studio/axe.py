"""What hinders people with the page, found by axe: nothing serious may be."""

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has none
from playwright.sync_api import Page

_SERIOUS = {"serious", "critical"}


def serious_findings(page: Page, *, only: str | None = None) -> list[str]:
    """Rule, element and help of each finding that is serious or worse, of one rule alone if it is named."""
    found = Axe().run(page, options={} if only is None else {"runOnly": [only]}).response["violations"]
    return [
        f"{each['id']}: {node['html'][:160]} ({each['help']})"
        for each in found
        if each["impact"] in _SERIOUS
        for node in each["nodes"]
    ]


def findings_in_both_themes(page: Page) -> list[str]:
    """As `serious_findings` of a page in light, and of its colours in dark: all else is the same."""
    found = []
    for theme, only in (("light", None), ("dark", "color-contrast")):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        found += [f"{theme}: {finding}" for finding in serious_findings(page, only=only)]
    return found
