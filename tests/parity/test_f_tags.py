"""Properties, tags, and finding runs by them (parity section F)."""

import json

import pytest

from runledger import Experiment, Run, ServiceException
from tests.runledger.cli.calling import Called, call


@pytest.fixture
def run(anywhere: Experiment) -> Run:
    return anywhere.start_logging(snapshot_directory=None)


def update(location: str, run: Run, *words: str) -> Called:
    return call("run", "update", "-r", run.id, "-w", location, *words)


def test_f1_properties_are_added(run: Run) -> None:
    """A second key leaves the first; values become text; no pairs change nothing."""
    run.add_properties({"author": "azureml-user"})
    run.add_properties({"size": 8})
    run.add_properties({})

    assert run.get_properties() == run.properties == {"author": "azureml-user", "size": "8"}


def test_f2_a_property_is_written_once(run: Run) -> None:
    """Another value is refused with a printable error that names key and values; the same value is accepted."""
    run.add_properties({"author": "azureml-user"})
    run.add_properties({"author": "azureml-user"})
    try:
        run.add_properties({"author": "different-user"})
    except ServiceException as error:
        printed = f"{error}"
    assert all(word in printed for word in ("author", "azureml-user", "different-user"))
    assert run.get_properties() == {"author": "azureml-user"}


def test_f3_a_tag_changes(run: Run) -> None:
    """The dictionaries that the article prints; other tags stay; 1 becomes the text "1"."""
    run.tag("quality", "great run")
    assert run.get_tags() == {"quality": "great run"}
    run.tag("quality", "fantastic run")
    assert run.get_tags() == {"quality": "fantastic run"}
    run.tag("rank", 1)
    assert run.get_tags() == {"quality": "fantastic run", "rank": "1"}


def test_f4_a_bare_tag_is_no_empty_one(run: Run) -> None:
    """`tag("worth another look")` is shown as None, and an empty text as an empty text."""
    run.tag("worth another look")
    run.tag("empty", "")

    assert run.get_tags() == {"worth another look": None, "empty": ""}


def test_f5_a_command_sets_tags(run: Run, location: str) -> None:
    """`run update -r ID --add-tag KEY[=VALUE]`: split at the first =, also without or with an empty value."""
    done = update(location, run, "--add-tag", "quality=fantastic run", "--add-tag", "a=b=c", "--add-tag", "empty=")
    assert (done.code, done.json["run_id"]) == (0, run.id)
    assert update(location, run, "-e", run.experiment.name, "--add-tag", "bare").code == 0
    assert update(location, run, "-e", "other", "--add-tag", "wrong").code == 3
    assert update(location, run, "--remove-tag", "empty").code == 0

    assert run.get_tags() == {"quality": "fantastic run", "a": "b=c", "bare": None}
    assert update(location, run).code == 2


def test_f7_runs_are_found_by_properties_and_tags(anywhere: Experiment) -> None:
    """A mapping: every pair exactly, None for a bare tag; a text: that key is there; children on demand."""
    tagged = anywhere.start_logging(
        tags={"quality": "fantastic run", "worth another look": None, 'odd "key"': "it's = 1"}
    )
    tagged.add_properties({"author": "azureml-user"})
    plain = anywhere.start_logging(tags={"quality": "great run", "rank": 1})
    child = plain.child_run()
    child.tag("quality", "fantastic run")

    def found(**conditions: object) -> list[str]:
        return [run.id for run in anywhere.get_runs(**conditions)]  # type: ignore[arg-type]

    assert found(properties={"author": "azureml-user"}, tags={"quality": "fantastic run"}) == [tagged.id]
    assert found(properties={"author": "azureml-user"}, tags="worth another look") == [tagged.id]
    assert found(tags={"worth another look": None}) == [tagged.id]
    assert found(tags={'odd "key"': "it's = 1"}) == [tagged.id]
    assert found(tags={"rank": 1}) == [plain.id]
    assert found(tags={"quality": "fantastic run"}, include_children=True) == [child.id, tagged.id]
    assert found(tags={}) == found() == [plain.id, tagged.id]
    assert found(tags={"quality": "fantastic run", "rank": "1"}) == []
    for wrong in (1, ["quality"]):
        with pytest.raises(ValueError, match="mapping of pairs or one key"):
            found(tags=wrong)


@pytest.mark.parametrize(
    ("expression", "finds"),
    [
        ("[?properties.author=='azureml-user']", ["both", "author"]),
        ("[?tags.keys(@)[?starts_with(@, 'worth another look')]]", ["both"]),
        ("[?properties.author=='azureml-user' && tags.quality=='fantastic run']", ["both"]),
    ],
)
def test_f8_the_queries_of_the_article_find_their_runs(
    anywhere: Experiment, location: str, expression: str, finds: list[str]
) -> None:
    """The three expressions behind --query and, as they are printed, without it; runs without tags are no error."""
    runs = {name: anywhere.start_logging(snapshot_directory=None) for name in ("none", "author", "both")}
    for name in ("author", "both"):
        runs[name].add_properties({"author": "azureml-user"})
    runs["both"].set_tags({"quality": "fantastic run", "worth another look": None})
    words = ("run", "list", "-w", location, "--experiment-name", anywhere.name)
    corrected, printed = call(*words, "--query", expression), call(*words, expression)

    assert corrected.code == 0, corrected.err
    assert [run["run_id"] for run in corrected.json] == [runs[name].id for name in finds]
    assert json.loads(printed.out) == corrected.json
    assert call(*words, expression, "--query", expression).code == 2
