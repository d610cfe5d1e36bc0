"""The page that explains the API."""

import re

import pytest
from playwright.sync_api import BrowserContext

from runledger.studio.manual.description import Kind, kind_of, manual_of
from tests.runledger.server.running import Server
from tests.runledger.studio.axe import serious_findings


def test_it_has_every_operation_and_every_shape_and_no_link_leads_nowhere(server: Server) -> None:
    description = server.get("/openapi.json").json()
    page = server.get("/docs").body.decode()
    ids = set(re.findall(r' id="([^"]+)"', page))

    wanted = {f"op-{each['operationId']}" for path in description["paths"].values() for each in path.values()}
    assert wanted | {f"shape-{name}" for name in description["components"]["schemas"]} <= ids
    assert {target for target in re.findall(r'href="#([^"]+)"', page) if target != "main"} <= ids
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_in_both_themes(context: BrowserContext, server: Server, theme: str) -> None:
    context.add_cookies([{"name": "theme", "value": theme, "url": server.url}])
    page = context.new_page()
    page.goto("/docs")

    assert serious_findings(page) == []


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, Kind("text")),
        ({"type": "string", "format": "binary"}, Kind("bytes")),
        ({"$ref": "#/components/schemas/Answer"}, Kind("Answer", "Answer")),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Run"}}, Kind("list of Run", "Run")),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, Kind("whole number or null")),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, Kind("object of whole number")),
        ({"const": "tag-run"}, Kind('"tag-run"')),
        ({"enum": ["a", "b"], "type": "string"}, Kind("one of a, b")),
        ({}, Kind("anything")),
    ],
)
def test_what_a_value_is_in_words(schema: dict[str, object], kind: Kind) -> None:
    assert kind_of(schema) == kind


def test_an_empty_description_is_an_empty_page() -> None:
    manual = manual_of({"paths": {}})

    assert (dict(manual.groups), list(manual.shapes)) == ({}, [])
