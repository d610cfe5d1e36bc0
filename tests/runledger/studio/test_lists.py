"""The lists of runs, as a person uses them."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.runledger.server.running import Server, running
from tests.runledger.studio.axe import serious_findings
from tests.runledger.studio.seeding import log, scalars

_RUNS = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("lists")) as started:
        for number in range(_RUNS):
            tags = {"team": "vision" if number % 2 else "speech", "mark<b>": "x"} if number % 3 else {"kept": None}
            started.send("start-run", run_id=f"run-{number:02}", experiment=f"e{number % 2}", tags=tags)
        for number in range(1, 4):
            started.send("start-run", run_id=f"child-{number}", experiment="e0", parent_run_id="run-59")
        for number in (1, 2):
            started.send("change-status", run_id=f"run-{number:02}", status="Failed")
        started.send("describe-run", run_id="run-05", changes={"description": "the zebra crossing model"})
        yield started


def names(page: Page) -> list[str]:
    return page.locator("tr[data-row] a.name").all_inner_texts()


def test_more_runs_come_when_the_end_is_seen(page: Page) -> None:
    page.goto("/runs")
    expect(page.locator("#list .count")).to_have_text(f"{_RUNS} runs")
    assert len(names(page)) == 50
    page.locator("[data-more]").scroll_into_view_if_needed()
    expect(page.locator("tr[data-row]")).to_have_count(_RUNS)
    assert len(set(names(page))) == _RUNS


def test_a_filter_made_from_the_form_survives_reload_and_is_taken_away(page: Page) -> None:
    page.goto("/runs")
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Field").select_option("tag")
    page.get_by_label("Key", exact=True).fill("team")
    page.get_by_label("Value", exact=True).fill("vision")
    page.get_by_role("button", name="Add the filter").click()
    expect(page.locator("#list .count")).to_have_text("20 runs")
    page.reload()
    expect(page.locator(".chip")).to_contain_text("tag.team is vision")
    page.get_by_label("Remove the filter tag.team").click()
    expect(page.locator("#list .count")).to_have_text(f"{_RUNS} runs")
    page.go_back()
    expect(page.locator("#list .count")).to_have_text("20 runs")


def test_a_tag_that_is_clicked_adds_its_filter(page: Page) -> None:
    page.goto("/runs")
    page.locator("a.tag", has_text="kept").first.click()
    expect(page.locator(".chip")).to_contain_text("tag.kept")
    expect(page.locator("#list .count")).to_have_text("20 runs")


def test_what_is_typed_finds_a_word_of_a_description(page: Page) -> None:
    page.goto("/runs")
    page.keyboard.press("/")
    page.keyboard.type("zebra")
    expect(page.locator("tr[data-row]")).to_have_count(1)
    assert names(page) == ["run-05"]
    page.wait_for_url("**search=zebra*")
    page.get_by_label("Search runs").fill("nothing has this")
    expect(page.locator("#list h2")).to_have_text("No run is like that")


def test_keys_go_through_the_rows_select_and_open(page: Page) -> None:
    page.goto("/runs")
    first, second = names(page)[:2]
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    expect(page.locator("[data-chosen]")).to_have_text("2")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/runs/{second}")
    assert first != second


def test_selected_runs_are_tagged_at_once(page: Page, server: Server) -> None:
    page.goto("/runs?search=run-1")
    boxes = page.locator("input[data-pick]")
    boxes.nth(0).click()
    boxes.nth(4).click(modifiers=["Shift"])
    expect(page.locator("[data-chosen]")).to_have_text("5")
    page.get_by_placeholder("key=value").fill("stage=review")
    page.get_by_role("button", name="Tag", exact=True).click()
    expect(page.locator("a.tag", has_text="stage: review")).to_have_count(5)
    history = server.get("/api/v1/runs/run-19/history").json()
    assert history[-1]["changes"][0] == {"field": "tags.stage", "before": None, "after": "review"}


def test_what_is_refused_of_several_is_told_run_by_run(page: Page) -> None:
    page.goto("/runs?filter=run_id:is:run-01,run-07")
    page.get_by_label("Select all rows").check()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("main")).to_contain_text("1 of 2 runs were changed")
    expect(page.locator("td.whole")).to_contain_text("Failed")


def test_columns_are_chosen_and_ordered_by(page: Page) -> None:
    page.goto("/runs")
    page.get_by_text("Columns", exact=True).click()
    with page.expect_response("**/lists/columns?*key=te*"):
        page.get_by_label("Find metrics, tags").fill("te")
    page.locator("#columns-found label", has_text="team").click()
    expect(page.locator("[data-sortable] li").last).to_contain_text("team")
    page.get_by_role("button", name="Show these columns").click()
    page.locator("th").get_by_role("link", name="team").click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("team")
    assert page.locator("tr[data-row]").first.locator("td").last.inner_text() == "vision"


def test_the_smallest_and_the_largest_value_of_a_metric_are_columns(page: Page, server: Server) -> None:
    log(server, "run-57", "w", scalars("loss", [3.0, 1.0, 2.0]))
    page.goto("/runs?search=run-57&column=min.loss&column=max.loss&column=metric.loss")
    expect(page.locator("td.num")).to_have_text(["1", "3", "2"])


def test_children_are_shown_with_their_parent(page: Page) -> None:
    page.goto("/runs?include_children=true&search=child")
    expect(page.locator("tr[data-row]")).to_have_count(3)
    expect(page.locator("a.sub").first).to_contain_text("run-59")
    page.goto("/runs")
    expect(page.locator('tr[data-run="run-59"]')).to_contain_text("3 children")


def test_a_change_is_on_the_screen_without_reload(page: Page, server: Server) -> None:
    page.goto("/runs")
    chip = page.locator('tr[data-run="run-58"] [data-status]')
    expect(chip).to_have_text("Running")
    server.send("change-status", run_id="run-58", status="Completed")
    expect(chip).to_have_text("Completed")
    server.send("start-run", run_id="later", experiment="e0")
    expect(page.locator("[data-new]")).to_contain_text("1 new")
    server.send("archive-run", run_id="later")


def test_a_list_is_exported_as_it_is_shown(server: Server) -> None:
    server.send("tag-run", run_id="run-04", tags={"formula": "=1+1"})
    found = server.get("/lists/export?column=tag.formula&column=status&filter=experiment:is:e0")
    lines = found.body.decode().splitlines()
    assert lines[0] == "run_id,name,tag.formula,status"
    assert len(lines) == 1 + _RUNS // 2
    assert "run-04,run-04,'=1+1,Running" in lines
    chosen = server.get("/lists/export?format=jsonl&run=run-02&run=child-1").body.decode().splitlines()
    assert sorted(json.loads(line)["run_id"] for line in chosen) == ["child-1", "run-02"]
    assert server.get("/lists/export?format=xlsx").status == 400


def test_experiments_tell_their_runs_by_status_and_are_described(page: Page) -> None:
    page.goto("/experiments")
    row = page.locator("tr[data-row]", has_text="e1")
    expect(row.locator("a.status.failed")).to_contain_text("1 Failed")
    row.locator("a.status.failed").click()
    expect(page.locator("#list .count")).to_have_text("1 run")
    page.get_by_text("About this experiment").click()
    page.get_by_label("Description").fill("odd ones")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto("/experiments?search=odd")
    expect(page.locator("tr[data-row]")).to_have_count(1)


def test_a_filter_that_is_none_says_which_and_the_way_out(server: Server) -> None:
    found = server.get("/runs?filter=colour:is:red")
    assert found.status == 422
    assert "colour" in found.body.decode()
    assert "tag.KEY" in found.body.decode()


@pytest.mark.parametrize(
    "address", ["/runs", "/experiments", "/experiments/e0", "/lists/filter?field=tag", "/lists/columns"]
)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_hinders_people(page: Page, address: str, theme: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.goto(address)
    assert serious_findings(page) == []


def test_lists_and_filters_work_without_script(browser: Browser, server: Server) -> None:
    with browser.new_context(base_url=server.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/runs")
        page.get_by_role("link", name="More runs").click()
        expect(page.locator("tr[data-row]")).to_have_count(10)
        page.goto("/lists/filter?field=tag")
        page.get_by_label("Key", exact=True).fill("team")
        page.get_by_label("Value", exact=True).fill("speech")
        page.get_by_role("button", name="Add the filter").click()
        expect(page.locator("tr[data-row]")).to_have_count(20)
        page.get_by_label("Search runs").fill("zebra")
        page.get_by_label("Search runs").press("Enter")
        expect(page.locator("#list h2")).to_have_text("No run is like that")
