"""Series of failures, runs below others, and alerts that scripts raise, told by the fold."""

from schemas.events import RunAlertedEvent, RunError
from tests.alerts.story import S, Story


def test_the_third_failure_in_a_row_is_told_and_the_fourth_is_not() -> None:
    story = Story()
    story.rule(conditions=[{"of": "series", "at_least": 3, "last": 3}])
    for run_id, status in zip("abcdefghi", "FFFFCFFFF", strict=True):
        story.start(run_id)
        story.move(run_id, S.RUNNING, S.FAILED if status == "F" else S.COMPLETED)
        story.start(f"{run_id}x", experiment="other")
        story.move(f"{run_id}x", S.RUNNING, S.COMPLETED)

    assert [each.run_id for each in story.intents()] == ["c", "h"]


def test_children_count_in_a_series_only_where_the_rule_is_about_them() -> None:
    story = Story()
    story.rule("top", conditions=[{"of": "series", "at_least": 2, "last": 2}])
    story.rule("all", include_children=True, conditions=[{"of": "series", "at_least": 2, "last": 2}])
    for run_id, parent in (("a", None), ("b", "a"), ("c", None)):
        story.start(run_id, parent_run_id=parent)
        story.fail(run_id)

    assert [(each.rule, each.run_id) for each in story.intents()] == [("all", "b"), ("top", "c")]


def test_a_run_below_another_that_fails_is_told_by_what_the_top_is() -> None:
    story = Story()
    story.rule(on={"what": "descendant"}, conditions=[{"of": "tag", "key": "team", "value": "red"}], experiment="vis*")
    for root, tags in (("red", {"team": "red"}), ("blue", {})):
        story.start(root, tags=tags, root_run_id=root)
        story.start(f"{root}-child", experiment="inner", parent_run_id="x", root_run_id=root)
        story.fail(f"{root}-child", error=RunError(code="c", message="boom"))
        story.fail(root)

    assert [each.run_id for each in story.intents()] == ["red-child"]


def test_a_run_that_completed_though_one_below_it_failed() -> None:
    story = Story()
    story.rule(to=["Completed"], conditions=[{"of": "descendants"}])
    for root in ("a", "b"):
        story.start(root, root_run_id=root)
        story.start(f"{root}-child", parent_run_id=root, root_run_id=root)
    story.fail("a-child")
    story.move("b-child", S.RUNNING, S.COMPLETED)
    for root in ("a", "b"):
        story.move(root, S.RUNNING, S.COMPLETED)

    assert [each.run_id for each in story.intents()] == ["a"]


def test_what_a_script_raises_is_told_each_time() -> None:
    story = Story()
    story.rule(on={"what": "alert", "level": "error"}, experiment="vis*")
    story.start()
    for level in ("info", "error", "critical"):
        story.add("run:a", RunAlertedEvent(title=f"a {level}", text="t", level=level))

    intents = story.intents()
    assert [each.subject.transition.raised.title for each in intents if each.subject.transition.raised] == [
        "a error",
        "a critical",
    ]
    assert len({each.id for each in intents}) == 2
