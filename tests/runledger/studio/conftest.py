"""A browser, a server with some runs, and pages that may not complain."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.runledger.server.running import Server, running
from tests.runledger.studio.chromium import ARGUMENTS, chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one module: as long as it is there, its event loop runs in this thread, and no other can."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("studio")) as started:
        yield started


@pytest.fixture
def context(browser: Browser, server: Server) -> Iterator[BrowserContext]:
    """A clean profile; nothing that its pages do may end in an error that nobody sees."""
    made = browser.new_context(base_url=server.url, viewport={"width": 1280, "height": 800}, locale="en-GB")
    made.set_default_timeout(15_000)
    complaints: list[str] = []
    made.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    made.on("weberror", lambda error: complaints.append(str(error.error)))
    yield made
    made.close()
    assert [text for text in complaints if "status of 4" not in text] == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
