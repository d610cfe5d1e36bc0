"""What hinders people with the page, found by axe: nothing serious may be."""

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has none
from playwright.sync_api import Page

_SERIOUS = {"serious", "critical"}


def serious_findings(page: Page) -> list[str]:
    """Rule, element and help of each finding that is serious or worse."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html'][:160]} ({each['help']})"
        for each in found
        if each["impact"] in _SERIOUS
        for node in each["nodes"]
    ]
