"""Charts and what else a run logged, as a person sees it."""

import html
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, expect

from ledger.sdk import charts
from tests.runledger.server.running import Server, running
from tests.runledger.studio.axe import serious_findings
from tests.runledger.studio.seeding import log, png, put, rows, scalars, start

POINTS = 20_000
SPIKE = 12_345
MATRIX = {"class_labels": ["cat", "dog"], "matrix": [[31, 2], [4, 17]]}
SOME = re.compile(".")
METRICS = "/runs/r1/metrics"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("charts")) as started:
        for number in (1, 2):
            start(started, f"r{number}", display_name=f"run {number}")
            wave = [math.exp(-place / 5_000) + number for place in range(POINTS)]
            wave[SPIKE] = 50.0
            log(started, f"r{number}", "w", scalars("loss", wave))
        checked = scalars("checked", [0.5] * 200) | {"steps": list(range(0, POINTS, 100))}
        log(started, "r1", "c", checked)
        log(started, "r1", "v", scalars("best", [0.93]), rows("wave", angle=[0.5], cos=[1.0]))
        log(started, "r1", "v", rows("wave", 2, angle=[1.0, 2.0], cos=[0.9, 0.2]), first=2)
        log(started, "r1", "t", rows("by class", label=["<b>cat</b>", "dog"], f1=[0.9, 0.8]))
        log(started, "r1", "g", rows("layers", a=[1, 2, 3], b=[3, 4, 5], c=[5, 6, 7]))
        put(
            started,
            "r1",
            "confusion",
            charts.chart(charts.CONFUSION_MATRIX, "confusion", MATRIX),
            charts.CONFUSION_MATRIX,
        )
        put(started, "r1", "samples", png(), "image")
        log(started, "r1", "f", scalars("confusion", ["confusion"]), scalars("samples", ["samples"]))
        start(started, "many")
        for first in range(0, 10_000, 2_500):
            names = [f"group/metric{number}" for number in range(first, first + 2_500)]
            log(started, "many", f"w{first}", *(scalars(name, [0.5, 1.5]) for name in names))
        start(started, "nothing")
        yield started


def chart(page: Page, name: str) -> Locator:
    found = page.locator("figure[data-chart]", has=page.get_by_role("heading", name=name, exact=True))
    found.scroll_into_view_if_needed()
    expect(found).to_have_attribute("data-points", SOME)
    return found


def drag(page: Page, found: Locator, start: float, end: float) -> None:
    box = found.locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * start, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end, box["y"] + 60, steps=4)
    page.mouse.up()


def test_a_spike_is_in_what_is_drawn_and_all_points_are_counted(page: Page) -> None:
    page.goto(METRICS)
    found = chart(page, "loss")
    expect(found).to_have_attribute("data-points", str(POINTS))
    expect(found).to_have_attribute("data-exact", "false")
    highest = page.evaluate("Math.max(...charts.drawn().find((each) => each.spec.name === 'loss').plot.data[1])")
    assert highest == 50
    assert page.evaluate("performance.getEntriesByName('painted').length") > 0


def test_what_a_canvas_is_painted_with_is_a_colour_that_it_knows(page: Page) -> None:
    """A canvas takes no colour that depends on the theme; what it does not know it paints black."""
    page.goto(METRICS)
    known = "(name) => CSS.supports('color', name) && !name.includes('light-dark')"
    for colour in ("charts.colour('--line')", "charts.look(0).colour", "charts.look(0).colour + '33'"):
        assert page.evaluate(f"({known})({colour})"), colour


def test_zooming_asks_again_until_every_point_is_there_and_goes_back(page: Page) -> None:
    page.goto(METRICS)
    found = chart(page, "loss")
    for _ in range(4):
        if found.get_attribute("data-exact") == "true":
            break
        before = found.get_attribute("data-points") or ""
        with page.expect_request(lambda asked: "/api/v1/thinned" in asked.url and "first=" in asked.url):
            drag(page, found, 0.4, 0.55)
        expect(found).not_to_have_attribute("data-points", before)
    expect(found).to_have_attribute("data-exact", "true")
    expect(found.get_by_text("every point")).to_be_visible()
    found.get_by_role("button", name="Whole range").click()
    expect(found).to_have_attribute("data-points", str(POINTS))


def test_smoothing_does_not_depend_on_how_many_marks_there_are(page: Page) -> None:
    page.goto(METRICS)
    apart = page.evaluate("""() => {
        const points = Array.from({ length: 20000 }, (_, place) => Math.exp(-place / 4000) + (place % 10) / 50);
        const fine = charts.smooth(points, points.map(() => 1), 0.999);
        const mean = (some) => some.reduce((a, b) => a + b) / some.length;
        const means = Array.from({ length: 2000 }, (_, mark) => mean(points.slice(mark * 10, mark * 10 + 10)));
        const coarse = charts.smooth(means, means.map(() => 10), 0.999);
        const naive = charts.smooth(means, means.map(() => 1), 0.999);
        const apart = (line) => Math.max(...line.map((value, mark) => Math.abs(value - fine[mark * 10 + 9])));
        return [apart(coarse), apart(naive), charts.smooth([2, 2, 2], [1, 5, 1], 0.9)];
    }""")
    assert apart[0] < 0.002
    assert apart[1] > 0.1  # what it would be without the counts
    assert apart[2] == pytest.approx([2, 2, 2])  # no bias at the beginning


def test_axes_and_scales_are_kept_in_the_address_and_for_the_next_page(page: Page) -> None:
    page.goto(METRICS)
    chart(page, "loss")
    with page.expect_response(lambda answer: "axis=relative-time" in answer.url):
        page.get_by_label("Across").select_option("relative-time")
    with page.expect_response(lambda answer: "scale=log" in answer.url):
        page.get_by_label("log x").check()
    page.get_by_label("Smoothing").fill("50")
    assert {"axis=relative-time", "logx=1", "smooth=50"} <= set(page.url.partition("?")[2].split("&"))
    page.goto("/runs/r2/metrics")
    expect(page.get_by_label("Across")).to_have_value("relative-time")
    assert page.get_by_label("log x").is_checked()
    chart(page, "loss")


def test_points_that_come_are_added_and_nothing_is_fetched_again(page: Page, server: Server) -> None:
    start(server, "live")
    log(server, "live", "w", scalars("loss", [1.0] * 3_000))
    page.goto("/runs/live/metrics")
    found = chart(page, "loss")
    expect(found).to_have_attribute("data-points", "3000")
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if "/api/v1/thinned" in request.url else None)
    log(server, "live", "w", scalars("loss", [9.0] * 40, first=3_001), first=3_001)
    expect(found).to_have_attribute("data-points", "3040")
    assert page.evaluate("charts.drawn()[0].plot.data[1].at(-1)") == 9
    assert asked
    assert [request.url for request in asked if "first=30" not in request.url] == []
    log(server, "live", "x", scalars("accuracy", [0.1, 0.2]))
    expect(chart(page, "accuracy")).to_have_attribute("data-points", "2")


def test_points_that_come_in_between_are_not_missed(page: Page, server: Server) -> None:
    start(server, "late")
    log(server, "late", "w", scalars("loss", [1.0] * 30))
    page.goto("/runs/late/metrics")
    found = chart(page, "loss")
    log(server, "late", "other", scalars("loss", [7.0] * 10))
    expect(found).to_have_attribute("data-points", "40")


def test_a_chart_has_its_table_its_points_and_its_picture(page: Page) -> None:
    page.goto(METRICS)
    found = chart(page, "loss")
    found.get_by_text("Show as table").click()
    expect(found.locator("tbody tr")).to_have_count(100)
    assert found.locator("tbody").inner_text().count("50") >= 1
    with page.expect_download() as csv:
        found.get_by_text("CSV").click()
    lines = Path(csv.value.path()).read_text(encoding="utf-8").splitlines()
    assert len(lines) == POINTS + 1
    assert lines[SPIKE + 1].endswith(",50.0")
    with page.expect_download() as picture:
        found.get_by_text("PNG").click()
    assert picture.value.suggested_filename == "loss.png"
    assert Path(picture.value.path()).read_bytes().startswith(b"\x89PNG")


def test_cursors_go_together(page: Page) -> None:
    page.goto(METRICS)
    first, second = chart(page, "loss"), chart(page, "checked")
    box = first.locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
    expect(second.locator("[data-readout]")).to_have_text(re.compile("^(9,9|10,0)..: 0.5$"))


def test_c9_tables_curves_matrices_and_single_values_are_drawn(page: Page) -> None:
    page.goto(METRICS)
    expect(page.locator(".value", has_text="best")).to_contain_text("0.93")
    assert page.locator("figure", has_text="wave").locator("svg.drawing polyline").count() == 1
    table = page.get_by_role("region", name="by class")
    assert "<b>cat</b>" in table.inner_text()
    matrix = page.get_by_role("region", name="confusion")
    assert [cell.split() for cell in matrix.locator("tbody tr").all_inner_texts()] == [
        ["cat", "31", "2"],
        ["dog", "4", "17"],
    ]
    assert matrix.locator("td.heat9").inner_text() == "31"
    page.goto("/runs/r1/media")
    image = page.locator(".gallery img").first
    expect(image).to_be_visible()
    expect(image).to_have_js_property("naturalWidth", 40)


def test_what_is_pinned_comes_first_on_every_run(page: Page) -> None:
    page.goto("/runs/many/metrics?page=3")
    page.get_by_label("Pin group/metric50", exact=True).click()
    page.wait_for_url("**/runs/many/metrics")
    assert page.locator("figure h3").first.inner_text() == "group/metric50"
    page.get_by_label("Unpin group/metric50", exact=True).click()
    expect(page.locator("figure h3").first).to_have_text("group/metric0")


def test_of_ten_thousand_metrics_few_are_sent_and_those_that_are_seen_are_asked_for(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/v1/thinned" in request.url else None)
    answer = page.goto("/runs/many/metrics")
    assert answer is not None
    assert len(answer.body()) < 120_000
    expect(page.locator("figure[data-chart]")).to_have_count(24)
    chart(page, "group/metric0")
    whole = [url for url in asked if "&first=" not in url]
    assert len(whole) == 1
    assert 1 <= whole[0].count("name=") < 24
    page.get_by_label("Search metrics").fill("METRIC999")
    page.keyboard.press("Enter")
    expect(page.locator("figure h3")).to_have_text(["group/metric999", *(f"group/metric999{n}" for n in range(10))])


def test_c9_runs_are_overlaid_told_apart_and_hidden(page: Page) -> None:
    page.goto("/charts/compare?run=r1&run=r2")
    found = chart(page, "loss")
    expect(found).to_have_attribute("data-points", str(2 * POINTS))
    expect(found.locator("[data-legend] button")).to_have_count(2)
    found.get_by_role("button", name="run 1").click()
    expect(found.get_by_role("button", name="run 1")).to_have_attribute("aria-pressed", "false")
    shown = "charts.drawn()[0].plot.series.filter((each, place) => place && each.show).length"
    assert page.evaluate(shown) == 3
    looks = page.evaluate("Array.from({ length: 50 }, (_, number) => JSON.stringify(charts.look(number)))")
    assert len(set(looks)) == 50


def test_c9_the_page_of_a_comparison_has_the_charts_and_takes_more(page: Page) -> None:
    page.goto("/compare?run=r1&run=r2")
    expect(chart(page, "loss")).to_have_attribute("data-points", str(2 * POINTS))
    page.get_by_label("Metric", exact=True).fill("checked")
    page.get_by_role("button", name="Add chart").click()
    expect(chart(page, "checked")).to_have_attribute("data-points", "200")
    with page.expect_download() as csv:
        chart(page, "checked").get_by_text("CSV").click()
    assert len(Path(csv.value.path()).read_text(encoding="utf-8").splitlines()) == 201


def test_one_number_of_runs_is_drawn_over_another(server: Server) -> None:
    for number in range(3):
        start(server, f"s{number}", display_name=f"s <{number}>")
        server.send("add-parameters", run_id=f"s{number}", parameters={"lr": number / 10})
        log(server, f"s{number}", "w", scalars("f1", [0.5 + number / 10]))
    text = server.get("/charts/compare?run=s0&run=s1&run=s2").body.decode()
    assert text.count("<circle") == 3
    assert "s &lt;1&gt;: 0.1, 0.6" in text
    assert "/runs/s1" in text


@pytest.mark.parametrize(
    ("address", "theme"),
    [
        (METRICS, "light"),
        (METRICS, "dark"),
        ("/runs/r1/media", "light"),
        ("/charts/compare?run=r1&run=r2", "light"),
        ("/charts/compare?run=r1&run=r2", "dark"),
        ("/runs/nothing/metrics", "dark"),
    ],
)
def test_nothing_hinders_people(page: Page, address: str, theme: str) -> None:
    page.goto(f"/look?theme={theme}&next=/")
    page.goto(address)
    for found in page.locator("figure[data-chart]").all():
        found.scroll_into_view_if_needed()
        expect(found).to_have_attribute("data-marks", SOME)
    if address == METRICS:
        chart(page, "loss").get_by_text("Show as table").click()
        expect(chart(page, "loss").locator("tbody tr")).to_have_count(100)
    assert serious_findings(page) == []


def test_without_script_values_and_tables_are_there(browser: Browser, server: Server) -> None:
    with browser.new_context(base_url=server.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(METRICS)
        assert "20,000 points" in page.locator("figure", has_text="loss").first.inner_text()
        page.locator("figure", has_text="loss").first.get_by_text("Show as table").click()
        assert page.locator("tbody tr").count() == 100


def test_names_and_values_of_others_are_no_markup(server: Server) -> None:
    start(server, "evil")
    name = "\"><script>x</script>'"
    log(server, "evil", "w", scalars(name, ["<img src=x>"]), scalars(f"{name}2", [1.0]))
    log(server, "evil", "w", scalars(f"{name}2", [2.0], first=2), first=2)
    text = server.get("/runs/evil/metrics").body.decode()
    assert "<script>x" not in text
    assert "<img src=x" not in text
    spec = text.partition('data-chart="')[2].partition('"')[0]
    assert json.loads(html.unescape(spec))["name"] == f"{name}2"
