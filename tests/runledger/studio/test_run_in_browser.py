"""The page of a run, as people use it: by mouse, by keys, without script, two at once, and with ill will."""

from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.runledger.server.running import Server
from tests.runledger.studio.axe import serious_findings
from tests.runledger.studio.hostile import ACT, KNOWN
from tests.runledger.studio.test_run import children, family, seen, started


def describe(page: Page, run_id: str, text: str) -> None:
    page.goto(f"/runs/{run_id}/edit")
    page.get_by_label("Description", exact=True).fill(text)


def test_a_description_is_seen_as_it_will_be_while_it_is_typed(page: Page, server: Server) -> None:
    run_id = started(server)
    page.goto(f"/runs/{run_id}")
    page.get_by_role("link", name="Describe it").click()
    page.get_by_label("Name").fill("bold one")
    page.get_by_label("Description", exact=True).press_sequentially("**Good** run")
    expect(page.locator("#preview strong")).to_have_text("Good")
    page.get_by_label("Why?").fill("for the paper")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("bold one")
    expect(page.locator(".prose strong")).to_have_text("Good")
    page.get_by_role("link", name="History").click()
    expect(page.locator(".event").first).to_contain_text("for the paper")


def test_a_hostile_description_does_nothing(page: Page, server: Server) -> None:
    run_id = started(server, display_name=KNOWN[0])
    hostile = "\n\n".join([*KNOWN, f"[x](javascript:{ACT})", f"![x](x)<img src=x onerror={ACT}>"])
    server.send("describe-run", run_id=run_id, changes={"description": hostile})
    server.send("tag-run", run_id=run_id, tags={KNOWN[5]: KNOWN[6]})
    for tab in ("", "/edit", "/history", f"/history?as_of={seen(server, run_id)}"):
        page.goto(f"/runs/{run_id}{tab}")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.acted") is None
    assert page.locator("main script, main [onerror], main [onload], main iframe").count() == 0


def test_of_two_people_who_edit_at_once_the_second_is_told_and_loses_nothing(
    page: Page, context: BrowserContext, server: Server
) -> None:
    run_id, other = started(server), context.new_page()
    for each, text in ((page, "ada's words"), (other, "bob's words")):
        describe(each, run_id, text)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".prose")).to_have_text("ada's words")
    other.get_by_role("button", name="Save").click()
    expect(other.get_by_role("alert")).to_contain_text("Somebody else was faster.")
    expect(other.locator("main")).to_contain_text("ada's words")
    expect(other.get_by_label("Description", exact=True)).to_have_value("bob's words")
    assert server.get(f"/api/v1/runs/{run_id}").json()["description"] == "ada's words"
    other.get_by_label("Description", exact=True).fill("ada's words, and bob's")
    other.get_by_role("button", name="Save").click()
    expect(other.locator(".prose")).to_have_text("ada's words, and bob's")


def test_what_the_run_does_meanwhile_is_in_nobodys_way(page: Page, server: Server) -> None:
    run_id = started(server)
    describe(page, run_id, "while it runs")
    server.send("tag-run", run_id=run_id, tags={"epoch": "3"})
    server.send("describe-run", run_id=run_id, changes={"display_name": "renamed by its script"})
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("renamed by its script")
    expect(page.locator(".prose")).to_have_text("while it runs")


def test_tags_are_added_changed_and_removed_where_they_stand(page: Page, server: Server) -> None:
    run_id = started(server, tags={"quality": "good"})
    page.goto(f"/runs/{run_id}")
    page.get_by_label("Key of a new tag").fill("team: a,b")
    page.get_by_label("Value of a new tag").fill("x,y")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("a.tag", has_text="team: a,b: x,y")).to_be_visible()
    page.get_by_label("Change tag quality").click()
    page.get_by_label("Value of tag quality").fill("great")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("a.tag", has_text="quality: great")).to_be_visible()
    page.get_by_label("Remove tag quality").click()
    expect(page.locator("a.tag")).to_have_count(1)
    page.locator("a.tag").click()
    page.wait_for_url("**/runs?filter=*")
    expect(page.locator("tr[data-row]")).to_have_count(1)
    expect(page.locator("tr[data-row] a.name")).to_have_attribute("title", run_id)


def test_a_run_is_canceled_archived_and_restored_by_hand(page: Page, server: Server) -> None:
    run_id = started(server)
    page.goto(f"/runs/{run_id}")
    page.locator("summary", has_text="Cancel").click()
    page.get_by_label("Why shall it be canceled?").fill("wrong data")
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.locator("#run-head .status")).to_have_text("CancelRequested")
    expect(page.locator("#run-now")).to_contain_text("wrong data")
    page.get_by_role("button", name="Archive").click()
    expect(page.locator("#run-head")).to_contain_text("archived")
    page.get_by_role("button", name="Restore").click()
    expect(page.locator("#run-head")).not_to_contain_text("archived")


def test_what_happens_is_shown_at_once_and_an_ended_run_has_no_cancel(page: Page, server: Server) -> None:
    run_id = started(server)
    page.goto(f"/runs/{run_id}")
    expect(page.locator("#run-actions summary", has_text="Cancel")).to_be_visible()
    with page.expect_response("**/head"):
        server.send("change-status", run_id=run_id, status="Failed", error={"code": "E", "message": "no memory left"})
    expect(page.locator("#run-head .status")).to_have_text("Failed")
    expect(page.locator("#run-now")).to_contain_text("no memory left")
    expect(page.locator("#run-actions summary")).to_have_count(0)
    server.send("tag-run", run_id=run_id, tags={"seen by": "another"})
    expect(page.locator("#taglist")).to_contain_text("seen by: another")
    last = server.get(f"/api/v1/runs/{run_id}/history").json()[-1]
    expect(page.locator("#run-proof")).to_contain_text(last["hash"])


def test_a_run_is_canceled_without_a_mouse(page: Page, server: Server) -> None:
    run_id = started(server)
    page.goto("/runs")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/runs/{run_id}")
    tab_to(page, "Cancel")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("by keys")
    page.keyboard.press("Enter")
    expect(page.locator("#run-now")).to_contain_text("by keys")


def tab_to(page: Page, text: str) -> None:
    """Go on from control to control until one has a text."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText.trim()") == text:
            return
    raise AssertionError(f"no control says {text}")


def test_a_tree_is_opened_and_closed_by_keys(page: Page, server: Server) -> None:
    root = family(server, 1)
    children(server, f"{root}.0", 21, root)
    page.goto(f"/runs/{root}/children")
    rows = page.locator("tr[data-row]:visible")
    expect(rows).to_have_count(1)
    page.get_by_label(f"Child runs of {root}.0").focus()
    page.keyboard.press("Enter")
    expect(rows).to_have_count(22)
    page.keyboard.press(" ")
    expect(rows).to_have_count(1)
    page.keyboard.press(" ")
    expect(rows).to_have_count(22)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/runs/{root}.0.0")


def test_an_id_is_copied(page: Page, context: BrowserContext, server: Server) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    run_id = started(server)
    page.goto(f"/runs/{run_id}")
    page.get_by_role("button", name="Copy id").click()
    expect(page.locator("[data-copied]")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == run_id


def test_without_script_a_run_is_read_and_changed_all_the_same(browser: Browser, server: Server) -> None:
    run_id = started(server, tags={"quality": "good"})
    with browser.new_context(base_url=server.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"/runs/{run_id}")
        page.get_by_label("Change tag quality").click()
        page.get_by_label("Value of tag quality").fill("great")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("a.tag")).to_have_text("quality: great")
        describe(page, run_id, "**plain**")
        page.get_by_role("button", name="Preview").click()
        expect(page.locator("#preview strong")).to_have_text("plain")
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".prose strong")).to_have_text("plain")
        page.get_by_role("link", name="History").click()
        page.get_by_label("The run as of").select_option(index=3)
        page.get_by_role("button", name="Show").click()
        expect(page.locator("#as-of-run")).to_contain_text("quality: good")
        page.locator("summary", has_text="Fail").click()
        page.get_by_label("What went wrong?").fill("no luck")
        page.get_by_role("button", name="Mark as Failed").click()
        expect(page.locator("#run-now")).to_contain_text("no luck")


def test_what_rules_made_of_a_run_comes_by_itself(page: Page, server: Server) -> None:
    rule = {"name": "failures", "to": ["Failed"], "recipients": ["ops@example.org"]}
    server.send("define-rule", rule_id=str(uuid4()), definition=rule)
    run_id = started(server)
    server.send("change-status", run_id=run_id, status="Failed")
    page.goto(f"/runs/{run_id}/alerts")
    expect(page.locator("#reasons h2", has_text="failures")).to_be_visible()
    expect(page.locator(".outcomes")).to_contain_text("ops@example.org")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_hinders_people(page: Page, server: Server, theme: str) -> None:
    root = family(server, 2, tags={"a": "b"})
    run_id = f"{root}.0"
    children(server, root, 22, root)
    server.send("describe-run", run_id=run_id, changes={"description": "# Title\n\n[x](/runs)\n\n|a|\n|-|\n|1|"})
    server.send("change-status", run_id=run_id, status="Failed", error={"code": "E", "message": "m", "traceback": "t"})
    at = seen(server, run_id)
    server.send("add-properties", run_id=run_id, properties={"p": "q"})
    tabs = ["", "/edit", f"/history?as_of={at}", "/alerts", "/snapshot", "/children"]
    for address in (*(f"/runs/{run_id}{tab}" for tab in tabs), f"/runs/{root}", f"/runs/{root}/children"):
        page.goto(f"/look?theme={theme}&next={address}")
        expect(page.locator("[aria-busy]")).to_have_count(0)
        assert serious_findings(page) == [], address
