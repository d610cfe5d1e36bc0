"""What docs/metrics.md lists is what a server shows, and the example's alerts ask for nothing else."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ledger.problems import problem_name
from schemas.errors import LedgerError
from tests.docs.blocks import ROOT
from tests.runledger.relay import relaying
from tests.runledger.server.running import running

ALERTS: Mapping[str, Any] = yaml.safe_load((ROOT / "examples/prometheus/alerts.yaml").read_text(encoding="utf-8"))
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
_PARTS = re.compile(r"_(bucket|count|sum|created)$")


def listed() -> dict[str, frozenset[str]]:
    """The figures of the table, and the labels of each."""
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(runledger_\w+)` \| ([^|]*)\|", text, re.MULTILINE)
    return {name: frozenset(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, frozenset[str]]:
    """The figures of a server that has done a little, and the labels of each, as far as there are any yet."""
    with relaying() as relay, pytest.MonkeyPatch.context() as environment:
        for name, value in relay.settings.items():
            environment.setenv(name, value)
        with running(tmp_path_factory.mktemp("figures")) as server:
            server.send("start-run", run_id="r", experiment="e")
            text = server.get("/metrics").body.decode()
    found: dict[str, frozenset[str]] = {
        name: frozenset() for name in re.findall(r"^# HELP (\w+)", text, re.MULTILINE) if not name.endswith("_created")
    }
    for name, labels in re.findall(r"^(runledger_\w+)(?:\{(.*)\})? ", text, re.MULTILINE):
        whole = name if name in found else _PARTS.sub("", name)
        if whole in found:
            found[whole] |= frozenset(re.findall(r'(\w+)="', labels)) - {"le"}
    return found


def test_every_figure_is_listed_and_no_other(shown: dict[str, frozenset[str]]) -> None:
    assert shown.keys() == listed().keys()


def test_labels_are_those_that_are_listed(shown: dict[str, frozenset[str]]) -> None:
    assert {name: labels for name, labels in shown.items() if labels and labels != listed()[name]} == {}


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_asks_for_figures_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    names = {_PARTS.sub("", name) for name in re.findall(r"runledger_\w+", rule["expr"])}
    labels = {label for matcher in re.findall(r"\{(.*?)\}", rule["expr"]) for label in re.findall(r"(\w+)=", matcher)}
    grouped = {label.strip() for by in re.findall(r"by \((.*?)\)", rule["expr"]) for label in by.split(",")}
    told = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))

    known = {"instance", "job", "le"}.union(*(listed()[name] for name in names)) if names else {"instance", "job"}
    assert names <= listed().keys()
    assert labels | grouped | told <= known
    assert rule["labels"]["severity"] in {"critical", "warning"}


def test_problems_that_an_alert_names_are_ours() -> None:
    from ledger import errors  # noqa: PLC0415 - its classes, whatever there are

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, LedgerError)]
    ours = {problem_name(kind) for kind in kinds}
    named = {
        name for rule in RULES for text in re.findall(r'problem=~"(.*?)"', rule["expr"]) for name in text.split("|")
    }

    assert named
    assert named <= ours
    assert Path(ROOT / "docs" / "kafka.md").read_text(encoding="utf-8").count("metrics.md")
