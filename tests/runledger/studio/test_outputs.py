"""Files and logs of a run, as a person sees them."""

import io
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.runledger.server.running import Server, running
from tests.runledger.studio.axe import serious_findings
from tests.runledger.studio.seeding import png, put, start

LINES = 100_000
LOG = b"".join(b"%06d INFO loss=%d\n" % (number, number % 7) for number in range(LINES))
FILES = {
    "logs/train.log": LOG,
    "outputs/model/weights.bin": bytes(range(256)) * 40,
    "outputs/plot.png": png(),
    "outputs/page.html": b"<script>document.title = 'taken'</script>",
}
OUTPUTS = "/runs/r1/outputs"
PRINTED = "/api/v1/runs/live/output/"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("outputs")) as started:
        start(started, "r1")
        for name, content in FILES.items():
            put(started, "r1", name, content)
        start(started, "nothing")
        start(started, "live")
        printed(started, 0, b"begin\n" * LINES)
        yield started


def printed(server: Server, place: int, text: bytes) -> int:
    """Print from a place on, as a script that runs elsewhere does; the place behind it."""
    for begin in range(0, len(text), 500_000):
        piece = text[begin : begin + 500_000]
        reply = server.ask("PUT", f"{PRINTED}{place + begin}", piece, {"Content-Type": "application/octet-stream"})
        assert reply.status == 200, reply.body
    return place + len(text)


def test_c11_the_tree_leads_to_texts_and_images_and_nothing_acts(page: Page) -> None:
    page.goto(OUTPUTS)
    expect(page.locator("section.file h2")).to_have_text("logs/train.log")
    page.get_by_role("link", name="plot.png").click()
    expect(page.locator(".picture img")).to_have_js_property("naturalWidth", 40)
    page.get_by_role("link", name="page.html").click()
    expect(page.locator("[data-tail]")).to_contain_text("<script>document.title")
    assert page.title() != "taken"
    page.get_by_role("link", name="weights.bin").click()
    expect(page.locator("section.file")).to_contain_text("no text and no image")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert Path(download.value.path()).read_bytes() == FILES["outputs/model/weights.bin"]


def test_a_hundred_thousand_lines_are_scrolled_searched_and_few_are_in_the_page(page: Page) -> None:
    page.goto(OUTPUTS)
    view = page.locator("[data-tail]")
    view.evaluate("(view) => { view.scrollTop = 50_000 * 18; }")
    expect(view).to_contain_text("050010 INFO")
    assert view.evaluate("(view) => view.textContent.split('\\n').length") < 3_000
    page.get_by_label("Search lines").fill("098765 info")
    page.keyboard.press("Enter")
    page.locator(".matches a", has_text="098765").click()
    expect(view).to_contain_text("098765 INFO loss")
    top = view.evaluate("(view) => view.scrollTop / 18")
    assert 98_700 < top < 98_765
    expect(view.locator(".mark")).to_be_visible()


def test_c11_a_log_is_followed_paused_and_searched_as_it_grows(page: Page, server: Server) -> None:
    page.goto("/runs/live/outputs")
    view, follow = page.locator("[data-tail]"), page.get_by_role("button", name="Follow")
    expect(view).to_have_attribute("data-shown", str(LINES))
    end = printed(server, 6 * LINES, b"first news\n")
    expect(view).to_contain_text("first news")
    assert view.evaluate("(view) => view.scrollHeight - view.scrollTop - view.clientHeight") < 20
    follow.click()
    end = printed(server, end, b"second news\nhalf")
    expect(page.locator("[data-tail-new]")).to_contain_text("2 new lines")
    place = view.evaluate("(view) => view.scrollTop")
    printed(server, end, b" a line\n")
    expect(view).to_have_attribute("data-shown", str(LINES + 3))
    assert view.evaluate("(view) => view.scrollTop") == place
    follow.click()
    expect(view).to_contain_text("half a line")
    page.get_by_label("Search lines").fill("second NEWS")
    page.keyboard.press("Enter")
    expect(page.locator(".matches li")).to_have_count(1)
    expect(page.locator(".matches li")).to_contain_text(f"{LINES + 2}")


def test_the_zip_has_the_same_names_and_contents(server: Server) -> None:
    reply = server.get("/runs/r1/outputs.zip")
    assert "attachment" in reply.headers["content-disposition"]
    with ZipFile(io.BytesIO(reply.body)) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == FILES


def test_files_are_found_by_name(server: Server) -> None:
    text = server.get(f"{OUTPUTS}?name=MODEL").body.decode()
    assert "weights.bin" in text
    assert "plot.png" not in text
    assert "No file is called so" in server.get(f"{OUTPUTS}?name=zebra").body.decode()
    assert server.get(f"{OUTPUTS}?file=none").status == 404
    assert "No files yet" in server.get("/runs/nothing/outputs").body.decode()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_hinders_people(page: Page, theme: str) -> None:
    page.goto(f"/look?theme={theme}&next={OUTPUTS}")
    page.get_by_label("Search lines").fill("loss=3")
    page.keyboard.press("Enter")
    expect(page.locator(".matches li")).to_have_count(200)
    assert serious_findings(page) == []


def test_without_script_lines_are_read_page_by_page_and_searched(browser: Browser, server: Server) -> None:
    with browser.new_context(base_url=server.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(OUTPUTS)
        assert "099999 INFO" in page.locator("[data-tail]").inner_text()
        page.get_by_role("link", name="Earlier").click()
        assert "099100 INFO" in page.locator("[data-tail]").inner_text()
        page.get_by_label("Search lines").fill("000123")
        page.get_by_role("button", name="Search").click()
        page.locator(".matches a").first.click()
        assert "000123 INFO" in page.locator("[data-tail]").inner_text()
