"""Rules, silences and recipients, as people use them."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.runledger.relay import Relay, relaying
from tests.runledger.server.running import Reply, Server, running
from tests.runledger.studio.axe import findings_in_both_themes
from tests.runledger.studio.hostile import ACT, KNOWN

_HOSTILE = f'<script>{ACT}</script>"><img src=x onerror={ACT}>'
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_LONG = 30_000


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    with relaying() as found, pytest.MonkeyPatch.context() as environment:
        for name, value in found.settings.items():
            environment.setenv(name, value)
        yield found


@pytest.fixture(scope="module")
def server(relay: Relay, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    assert relay.sink.port
    with running(tmp_path_factory.mktemp("alerts")) as started:
        fail(started, "early", "vision")
        yield started


def fail(server: Server, run_id: str, experiment: str) -> None:
    server.send("start-run", run_id=run_id, experiment=experiment, tags={"team": "vision"})
    server.send("change-status", run_id=run_id, status="Failed", error={"message": "out of memory"})


def define(server: Server, name: str, **more: Any) -> str:
    rule_id = str(uuid4())
    given = {"name": name, "recipients": ["ada@example.org"], "experiment": "nothing-here"} | more
    assert server.send("define-rule", rule_id=rule_id, definition=given).status == 200
    return rule_id


def post(server: Server, path: str, fields: dict[str, Any] | list[tuple[str, str]]) -> Reply:
    return server.ask("POST", path, urlencode(fields, doseq=True).encode(), _FORM)


def definition_of(server: Server, rule_id: str) -> Any:
    return server.get(f"/api/v1/rules/{rule_id}").json()["definition"]


def edit_fields(server: Server, rule_id: str, **more: str) -> dict[str, Any]:
    version = server.get(f"/api/v1/rules/{rule_id}").json()["version"]
    fields = {"name": "edited", "recipients": "ada@example.org", "to": "Failed", "experiment": "nothing-here"}
    return {**fields, "version": str(version), "do": "save", **more}


def test_a_first_rule_is_one_click_away(browser: Browser, tmp_path: Any) -> None:
    with running(tmp_path) as empty, browser.new_context(base_url=empty.url) as context:
        page = context.new_page()
        page.goto("/alerts")
        assert findings_in_both_themes(page) == []
        page.get_by_label("Mail me when a run fails").fill("nobody")
        page.get_by_role("button", name="Mail me").click()
        expect(page.locator(".wrong")).to_contain_text("name@host")
        page.get_by_label("Mail me when a run fails").fill("ada@example.org")
        page.get_by_role("button", name="Mail me").click()
        expect(page.locator("h1")).to_have_text("failed runs")
        expect(page.locator("main")).to_contain_text("Failed or NotResponding")


def test_a_rule_from_the_form_to_its_mail_and_its_silence(page: Page, server: Server, relay: Relay) -> None:
    page.goto("/alerts/new")
    page.get_by_label("Name", exact=True).fill("vision fails")
    page.get_by_label("Experiment", exact=True).fill("vision*")
    page.get_by_label("Recipients, one a line").fill("ada@example.org")
    page.get_by_label("Kind of condition").select_option("tag")
    page.get_by_role("button", name="Add a condition").click()
    page.locator("[name='c.0.key']").fill("team")
    page.locator("[name='c.0.value']").fill("vision")
    expect(page.locator("#preview .fires")).to_contain_text("told of 1 thing", timeout=_LONG)
    expect(page.locator("#preview")).to_contain_text("[vision] run early")
    expect(page.frame_locator("iframe.mail").locator("h1")).to_have_text("early failed", timeout=_LONG)
    page.get_by_role("button", name="Save the rule").last.click()
    expect(page.locator("h1")).to_have_text("vision fails")
    expect(page.locator("main")).to_contain_text("tag team = vision")

    page.get_by_role("link", name="Deliveries").click()
    expect(page.locator("main")).to_contain_text("Nothing was sent")
    sent = len(relay.sink.mails)
    fail(server, "later", "vision")
    relay.wait(sent + 1)
    expect(page.locator("tr[data-row]")).to_contain_text("sent: the mail server took it", timeout=_LONG)

    page.get_by_role("link", name="Silences", exact=True).click()
    page.get_by_role("link", name="Silence it").click()
    assert page.locator("[name='m.0.value']").input_value() == "vision fails"
    page.get_by_label("For how long").fill("tomorrow")
    page.get_by_role("button", name="Silence it").last.click()
    expect(page.locator(".wrong")).to_contain_text("is no time such as")
    page.get_by_label("For how long").fill("2h")
    page.get_by_label("Why", exact=True).fill("the disk is full")
    page.get_by_role("button", name="Silence it").last.click()
    expect(page.locator("tr[data-row]")).to_contain_text("the disk is full")
    sent = len(relay.sink.mails)
    fail(server, "quiet", "vision")
    page.goto("/alerts/explain?run=quiet")
    told = page.locator("tr[data-row]", has_text="-> Failed").filter(has_text="vision fails")
    expect(told).to_contain_text("silence", ignore_case=True)
    page.goto("/alerts/silences")
    page.get_by_role("button", name="End the silence").click()
    expect(page.locator("tr[data-row]")).to_contain_text("ended")
    assert len(relay.sink.mails) == sent


def test_the_second_of_two_people_sees_what_the_first_changed(page: Page, server: Server) -> None:
    rule_id = define(server, "contested")
    page.goto(f"/alerts/{rule_id}/edit")
    page.get_by_label("Recipients, one a line").fill("mine@example.org")
    theirs = {"name": "contested", "recipients": ["theirs@example.org"], "experiment": "nothing-here"}
    assert server.send("change-rule", rule_id=rule_id, definition=theirs, reason="they left").status == 200
    page.get_by_role("button", name="Save the rule").last.click()
    conflict = page.locator(".conflict")
    expect(conflict).to_contain_text("theirs@example.org")
    expect(conflict).to_contain_text("they left")
    assert page.get_by_label("Recipients, one a line").input_value() == "mine@example.org"
    assert definition_of(server, rule_id)["recipients"] == ["theirs@example.org"]
    page.get_by_role("button", name="Save over theirs").click()
    expect(page.locator("h1")).to_have_text("contested")
    assert definition_of(server, rule_id)["recipients"] == ["mine@example.org"]
    page.get_by_role("link", name="History").click()
    expect(page.locator(".story li").first).to_contain_text("theirs@example.org → mine@example.org")


def test_conditions_and_text_need_no_script(browser: Browser, server: Server) -> None:
    rule_id = define(server, "plain")
    with browser.new_context(base_url=server.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"/alerts/{rule_id}/edit")
        page.get_by_label("Kind of condition").select_option("any")
        page.get_by_role("button", name="Add a condition").click()
        page.get_by_label("Kind of condition").first.select_option("metric")
        page.get_by_role("button", name="Add a condition").first.click()
        page.locator("[name='c.0.0.key']").fill("loss")
        page.locator("[name='c.0.0.operator']").select_option(">")
        page.locator("[name='c.0.0.value']").fill("much")
        page.get_by_role("button", name="Save the rule").last.click()
        expect(page.locator(".condition .condition .wrong").first).to_contain_text("compares numbers")
        assert page.locator("[name='c.0.0.value']").input_value() == "much"
        page.locator("[name='c.0.0.value']").fill("5")
        page.get_by_label("Name", exact=True).fill("plain and good")
        page.get_by_role("button", name="YAML").click()
        text = page.get_by_label("The rule as YAML or JSON")
        assert "operator: '>'" in text.input_value()
        text.fill(text.input_value().replace("value: 5", "value: 7"))
        page.get_by_role("button", name="Form").click()
        assert page.locator("[name='c.0.0.value']").input_value() == "7"
        page.get_by_role("button", name="Show").first.click()
        expect(page.locator("#preview")).to_contain_text("In the last 30 days")
        page.get_by_role("button", name="Save the rule").last.click()
        expect(page.locator("h1")).to_have_text("plain and good")
    condition = {"of": "metric", "key": "loss", "operator": ">", "value": 7}
    assert definition_of(server, rule_id)["conditions"] == [{"of": "any", "conditions": [condition]}]


def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(server: Server) -> None:
    rule_id = define(server, "careful")
    fields = edit_fields(server, rule_id, grouped="yes", wait="soon", by="colour", recipients="nobody", text="{{ x }}")
    reply = post(server, f"/alerts/{rule_id}/edit", fields)
    html = reply.body.decode()
    assert reply.status == 422
    for name, typed in (("wait", "soon"), ("by", "colour")):
        assert f'id="wrong-{name}"' in html
        assert f'value="{typed}"' in html
    assert 'id="wrong-recipients"' in html
    template = post(server, f"/alerts/{rule_id}/edit", edit_fields(server, rule_id, text="{{ nobody_knows }}"))
    assert template.status == 422
    assert 'id="wrong-text"' in template.body.decode()
    assert definition_of(server, rule_id)["name"] == "careful"


def test_a_text_that_is_no_rule_stays_as_it_was_typed(server: Server) -> None:
    rule_id = define(server, "written")
    for text in ("name: [", "- a", "name: x\nrecipients: [a@b.org]\nconditions: [{of: nothing}]"):
        for step in ("save", "form"):
            fields = edit_fields(server, rule_id) | {"view": "text", "written": text, "do": step}
            reply = post(server, f"/alerts/{rule_id}/edit", fields)
            assert 'id="wrong-written"' in reply.body.decode()
    assert definition_of(server, rule_id)["name"] == "written"


def test_what_is_done_to_a_rule_is_in_its_history_with_the_reason(page: Page, server: Server) -> None:
    rule_id = define(server, "done to")
    page.goto(f"/alerts/{rule_id}")
    page.locator("summary", has_text="Disable").click()
    page.get_by_label("Why").locator("visible=true").fill("too loud")
    page.get_by_role("button", name="Disable").click()
    expect(page.locator(".status").first).to_have_text("out of force")
    page.locator("summary", has_text="Test").click()
    page.get_by_role("button", name="Send the test").click()
    expect(page.locator("tr[data-row]")).to_contain_text("test", timeout=_LONG)
    page.get_by_role("link", name="History").click()
    expect(page.locator(".story")).to_contain_text("too loud")
    page.locator("summary", has_text="More").click()
    page.get_by_role("button", name="Delete the rule").click()
    expect(page.locator("h1")).to_have_text("Alerts")
    expect(page.locator("main")).not_to_contain_text("done to")


def test_recipients_are_taken_off_and_told_again(page: Page, server: Server) -> None:
    define(server, "told", recipients=["leaver@example.org"])
    server.send("suppress-recipient", recipient="gone@example.org", status="5.1.1", diagnostic="no such user")
    page.goto("/alerts/recipients")
    page.get_by_label("Recipient").first.fill("leaver@example.org")
    page.get_by_role("button", name="Tell no more").click()
    leaver = page.locator("tr[data-row]", has_text="leaver@example.org")
    expect(leaver).to_contain_text("any rule")
    leaver.get_by_role("button", name="Subscribe again").click()
    expect(page.locator("tr[data-row]", has_text="leaver@example.org")).to_have_count(0)
    gone = page.locator("tr[data-row]", has_text="gone@example.org")
    expect(gone).to_contain_text("no such user")
    gone.get_by_role("button", name="Send to it again").click()
    expect(gone).to_have_count(0)
    page.get_by_label("Recipient").last.fill("*")
    page.get_by_label("Mails").fill("few")
    page.get_by_role("button", name="Limit", exact=True).click()
    expect(page.locator("#wrong-limit")).to_contain_text("'few'")
    page.get_by_label("Mails").fill("100")
    page.get_by_role("button", name="Limit", exact=True).click()
    everybody = page.locator("tr[data-row]", has_text="everybody else")
    expect(everybody).to_contain_text("100 mails in 1 h")
    everybody.get_by_role("button", name="No limit any more").click()
    expect(page.locator("main")).to_contain_text("Everybody is told everything")


def test_hostile_names_and_templates_run_nowhere(browser: Browser, server: Server) -> None:
    page = browser.new_page(base_url=server.url)  # it complains of what it does not run
    html = "".join(KNOWN[:12]) + "{{ run }}"
    more = {"templates": {"text": "{{ run }}", "html": html}, "experiment": "*", "to": ["Failed"]}
    rule_id = define(server, _HOSTILE, **more)
    server.send("disable-rule", rule_id=rule_id, reason=_HOSTILE)
    server.send("create-silence", silence_id=str(uuid4()), reason=_HOSTILE, until="2031-01-01T00:00:00+00:00",
                matchers=[{"attribute": "experiment", "operator": "=", "value": _HOSTILE}])  # fmt: skip
    places = ["/alerts", f"/alerts/{rule_id}", f"/alerts/{rule_id}/history", "/alerts/silences", "/ledger"]
    for place in [*places, f"/alerts/{rule_id}/edit"]:
        page.goto(place)
        assert page.evaluate("window.acted") is None
    expect(page.frame_locator("iframe.mail").locator("body")).to_contain_text(ACT, timeout=_LONG)
    assert [frame.evaluate("window.acted") for frame in page.frames if frame.name != "mail"] == [None]
    mail = post(server, "/alerts/preview/mail", edit_fields(server, rule_id, html=html))
    assert mail.headers["content-security-policy"].startswith("sandbox;")
    assert "script-src" not in mail.headers["content-security-policy"]
    assert page.evaluate("window.acted") is None
    page.close()


def test_nothing_hinders_people(page: Page, server: Server) -> None:
    condition = {"of": "any", "conditions": [{"of": "status", "to": ["Failed"]}, {"of": "child", "value": True}]}
    rule = f"/alerts/{define(server, 'looked at', severity='error', conditions=[condition])}"
    tabs = [rule, f"{rule}/edit", f"{rule}/history", f"{rule}/deliveries", f"{rule}/silences"]
    shared = [f"/alerts/{place}" for place in ("silences", "recipients", "health", "explain?run=early", "new")]
    for place in ["/alerts", *tabs, *shared]:
        page.goto(place)
        assert findings_in_both_themes(page) == [], place


def test_a_form_that_is_sent_twice_is_one_silence(server: Server) -> None:
    fields = {"m.0.attribute": "tag", "m.0.key": "team", "m.0.operator": "=~", "m.0.value": "twice*", "span": "1h"}
    fields |= {"command": str(uuid4()), "silence_id": str(uuid4()), "do": "create"}
    assert [post(server, "/alerts/silences", fields).status for _ in range(2)] == [303, 303]
    silences = server.get("/api/v1/silences").json()
    assert [each["matchers"] for each in silences].count(["tag:team=~twice*"]) == 1


def test_a_page_of_a_rule_that_is_not_there_says_so(server: Server) -> None:
    for tab in ("", "/edit", "/history", "/deliveries", "/silences", "/count"):
        assert server.get(f"/alerts/{uuid4()}{tab}").status == 404
