import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given

from alerts.facts import Facts, Told
from alerts.templates.budget import TemplateFailedError
from alerts.templates.context import KNOWN
from alerts.templates.fallback import fallback
from alerts.templates.rendered import Rendered, Templates
from alerts.templates.rendering import Renderer
from alerts.templates.sandbox import TemplateRefusedError
from ledger.errors import RefusedError
from tests.alerts.facts import FAILURE, any_facts


class Page(HTMLParser):
    """The words of a page, its elements, and where they point."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.addresses: list[str] = []
        self._words: list[str] = []
        self._hidden = 0
        self.feed(html)
        self.close()

    @property
    def words(self) -> str:
        return " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "background", "action")]
        self._hidden += tag in ("style", "title")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "title")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._words.append(data)


# Without a time limit: a test does not fail because the machine is slow.
_RENDERER = Renderer(lambda: 0.0)


def default(facts: Facts = FAILURE) -> Rendered:
    return _RENDERER.render(Templates(), facts)


def both(rendered: Rendered) -> tuple[str, str]:
    return " ".join(rendered.text.split()), Page(rendered.html).words


def test_the_subject_names_the_experiment_the_run_and_the_change() -> None:
    assert default().subject == "[digits] run résumé of żółw: Running -> Failed"


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({"presumed": True}, ": Running -> Failed (presumed)"),
        ({"kind": "corrected", "old_status": "Failed", "new_status": "Completed"}, ": Failed -> Completed (corrected)"),
        ({"kind": "test"}, ": Running -> Failed (test)"),
        ({"old_status": None}, ": Failed"),
    ],
)
def test_every_subject_of_a_run_begins_alike(changes: dict[str, object], end: str) -> None:
    assert default(replace(FAILURE, **changes)).subject == "[digits] run résumé of żółw" + end  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "said",
    [
        "résumé of żółw failed",
        "digits_1780000000_4f1c",
        "digits",
        "2 h 46 min",
        "2026-05-28 20:26:40 UTC",
        "Łucja",
        "the script raised an exception",
        "ValueError",
        "could not convert string to float: 'n/a'",
        'File "train.py", line 12, in <module>',
        "epoch 2 loss <nan> & no more",
        "accuracy",
        "0.912346",
        "nan",
        "learning rate",
        "0.001",
        "true",
        "owner",
        "łucja",
        "baseline",
        "git.commit",
        "4f1c9a0",
        "training failed",
        "vision",
        "https://runs.example.org",
    ],
)
def test_both_parts_say_everything(said: str) -> None:
    text, html = both(default())
    assert said in text
    assert said in html


def test_a_presumed_end_and_its_certainty_are_said_in_words() -> None:
    facts = replace(FAILURE, presumed=True, certainty="no sign of life for 10 minutes")
    for part in both(default(facts)):
        assert "The run did not report this itself: it is presumed" in part
        assert "How it is known: no sign of life for 10 minutes." in part


def test_a_correction_and_a_test_are_said_in_words() -> None:
    assert "corrects an earlier message" in default(replace(FAILURE, kind="corrected")).text
    assert "This is a test of the rule" in default(replace(FAILURE, kind="test")).text


def test_what_is_not_known_is_not_mentioned() -> None:
    bare = Facts(
        workspace="w",
        rule_id="r",
        rule_name="n",
        run_id="a",
        experiment="e",
        new_status="Completed",
        trigger=1,
        recorded_at=0,
    )
    for part in both(default(bare)):
        for word in ("None", "Error", "Traceback", "log", "Duration", "By", "Reason", "Tags", "->", "→", "at None"):
            assert word not in part


def test_there_are_no_links_without_a_public_address() -> None:
    page = Page(default(replace(FAILURE, public_url=None)).html)
    assert page.addresses == []
    assert Page(default().html).addresses == ["https://runs.example.org/runs/digits_1780000000_4f1c"]
    assert Page(default(replace(FAILURE, public_url="javascript:alert(1)")).html).addresses == []


def test_a_run_id_cannot_leave_its_link() -> None:
    page = Page(default(replace(FAILURE, run_id='a/../b?c#d"e')).html)
    assert page.addresses == ["https://runs.example.org/runs/a%2F..%2Fb%3Fc%23d%22e"]


def test_the_page_loads_nothing_and_fits_a_phone_and_the_dark() -> None:
    html = default().html
    assert not {"img", "script", "link", "iframe", "object", "form"} & set(Page(html).elements)
    assert "url(" not in html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert "@media (prefers-color-scheme: dark)" in html
    assert "max-width:600px" in html
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in html


def test_a_long_log_keeps_its_end_and_says_so() -> None:
    rendered = default(replace(FAILURE, log_lines=[f"line {number} " + "x" * 990 for number in range(20)]))
    assert "line 19 " in rendered.text
    assert "line 2 " not in rendered.text
    assert re.search(r"\[the first [\d,]+ bytes are left out\]", rendered.text)
    assert len(rendered.text) < 13_000


def test_a_long_traceback_keeps_its_end() -> None:
    rendered = default(replace(FAILURE, traceback="frame\n" * 8_000 + "ValueError: the cause"))
    assert "ValueError: the cause" in rendered.text
    assert len(rendered.text) < 13_000


def test_many_values_are_cut_and_counted() -> None:
    text, html = both(default(replace(FAILURE, parameters={f"p{number}": number for number in range(120)})))
    assert "p49: 49" in text
    assert "p50" not in text
    assert "and 70 more" in text
    assert "and 70 more" in html


def test_markup_in_facts_stays_text() -> None:
    marked = "<script>alert(1)</script><img src=x>"
    rendered = default(
        replace(FAILURE, display_name=marked, tags={marked: marked}, error_message=marked, log_lines=[marked])
    )
    assert not {"script", "img"} & set(Page(rendered.html).elements)
    assert Page(rendered.html).words.count("<script>alert(1)</script>") >= 5


def test_templates_in_facts_stay_text() -> None:
    assert "{{ 7 * 7 }}" in default(replace(FAILURE, display_name="{{ 7 * 7 }}")).text


@given(any_facts())
def test_the_default_message_never_fails(facts: Facts) -> None:
    rendered = default(facts)
    assert rendered.failure is None
    assert "\n" not in rendered.subject
    assert "\x00" not in rendered.text + rendered.html
    assert not {"script", "img"} & set(Page(rendered.html).elements)


@given(any_facts())
def test_the_same_facts_give_the_same_message(facts: Facts) -> None:
    assert default(facts) == default(facts)


def test_own_templates_take_the_place_of_the_default_ones() -> None:
    rendered = _RENDERER.render(
        Templates(subject="{{ run_id }}\n is {{ new_status }}", text="Hello {{ actor }}", html="<b>{{ actor }}</b>"),
        FAILURE,
    )
    assert rendered == Rendered("digits_1780000000_4f1c is Failed", "Hello Łucja", "<b>Łucja</b>")


def test_own_text_alone_is_shown_as_a_page_too() -> None:
    rendered = _RENDERER.render(Templates(text="{{ log }}\n<b>"), FAILURE)
    assert "epoch 2 loss <nan> & no more <b>" in Page(rendered.html).words
    assert "b" not in Page(rendered.html).elements


def test_an_empty_subject_is_never_sent() -> None:
    assert _RENDERER.render(Templates(subject="{% if false %}x{% endif %}"), FAILURE).subject == "(no subject)"


@pytest.mark.parametrize("part", ["text", "html"])
def test_a_blank_mail_is_never_sent(part: str) -> None:
    blank = Templates(**{part: "{% if presumed %}x{% endif %} \n"})
    rendered = _RENDERER.render_or_fall_back(blank, FAILURE)
    assert "empty" in (rendered.failure or "")
    assert FAILURE.run_id in rendered.text
    assert FAILURE.run_id in rendered.html


def test_a_subject_is_cut() -> None:
    assert len(_RENDERER.render(Templates(subject="{{ traceback }}" * 9), FAILURE).subject) <= 250


def test_an_own_html_template_escapes_and_a_text_template_does_not() -> None:
    templates = Templates(text="{{ error_message }}", html="{{ error_message }}")
    rendered = _RENDERER.render(templates, replace(FAILURE, error_message="a < b"))
    assert rendered.text == "a < b"
    assert rendered.html == "a &lt; b"


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("{{ tags.owner }} {{ tags.get('no', 'one') }} {{ tags['owner']|upper }}", "łucja one ŁUCJA"),
        ("{% for key, value in parameters.items() %}{{ loop.index }}{{ key }}={{ value }};{% endfor %}",
         "1learning rate=0.001;2layers=3;3shuffle=true;"),
        ("{{ tags|dictsort|first|join('=') }} {{ log_lines|first_of(1)|join }}", "baseline=none epoch 1 loss 0.93"),
        ("{{ (duration_ms / 60000)|round(1) }} min, {{ duration_ms|duration }}", "166.7 min, 2 h 46 min"),
        ("{{ 'a' + run_id|replace('digits', 'b') }}", "ab_1780000000_4f1c"),
        ("{% if 'ows' in tags.owner or error_type == 'ValueError' %}yes{% else %}no{% endif %}", "yes"),
        ("{{ recorded_at|moment }} {{ parent_run_id }}.", "2026-05-28 20:26:40 UTC ."),
        ("{{ tags.nobody|default('nobody') }}{{ tags.owner is defined }}", "nobodytrue"),
        ("{{ parameters|items|sort|first|first }} {{ last_values|length * 2 }}", "layers 4"),
    ],
)  # fmt: skip
def test_what_templates_can_do(source: str, written: str) -> None:
    assert _RENDERER.render(Templates(text=source), FAILURE).text == written


MANY = replace(
    FAILURE,
    count=12,
    counts={"Canceled": 2, "Failed": 10},
    by={"parent": "sweep", "tag:team": "red"},
    told=[
        Told(run_id=f"r{number}", name=f"child {number}", experiment="digits", status="Failed", at=0, error="boom")
        for number in range(10)
    ],
)


def test_children_of_one_parent_are_counted_named_and_linked() -> None:
    rendered = default(MANY)
    assert rendered.failure is None
    assert rendered.subject == "[vision] 12 child runs of sweep: 2 Canceled, 10 Failed (tag:team red)"
    for words in both(rendered):
        assert all(f"child {number}" in words for number in range(10))
        assert "and 2 more" in words
        assert "boom" in words
    assert "https://runs.example.org/runs/sweep" in Page(rendered.html).addresses
    assert "https://runs.example.org/runs/r3" in rendered.text


@pytest.mark.parametrize(
    ("fields", "subject", "note"),
    [
        ({"kind": "digest", "by": {}}, "[vision] 12 runs: 2 Canceled, 10 Failed (digest)", "told together"),
        ({"kind": "repeated", "by": {"experiment": "digits"}},
         "[digits] 12 runs: 2 Canceled, 10 Failed (experiment digits) (repeated)", "is not over"),
        ({"kind": "resolved", "by": {}, "severity": "error"},
         "[vision] ERROR 12 runs: 2 Canceled, 10 Failed (resolved)", "is over"),
        ({"occasion": "has not ended 2 h after it began", "by": {}},
         "[vision] 12 runs: has not ended 2 h after it began", ""),
    ],
)  # fmt: skip
def test_each_kind_of_mail_about_many_says_what_it_is(fields: dict[str, Any], subject: str, note: str) -> None:
    rendered = default(replace(MANY, **fields))
    assert (rendered.failure, rendered.subject) == (None, subject)
    assert all(note in words for words in both(rendered))


@pytest.mark.parametrize(
    ("fields", "subject"),
    [
        ({"occasion": "has not ended 2 h after it began"}, "[digits] résumé of żółw has not ended 2 h after it began"),
        ({"occasion": "has had no run that completed for 1 d", "run_id": "", "display_name": None},
         "[digits] digits has had no run that completed for 1 d"),
        ({"title": "loss is NaN", "text": "since epoch 3", "severity": "critical"}, "[digits] CRITICAL loss is NaN"),
        ({"kind": "resolved", "new_status": "Completed"},
         "[digits] run résumé of żółw: Running -> Completed (resolved)"),
    ],
)  # fmt: skip
def test_each_occasion_has_its_subject(fields: dict[str, Any], subject: str) -> None:
    rendered = default(replace(FAILURE, **fields))
    assert (rendered.failure, rendered.subject) == (None, subject)
    assert all((fields.get("text") or "") in words for words in both(rendered))


def test_templates_of_ones_own_are_about_one_run() -> None:
    own = Templates(subject="mine", text="{{ run }}")
    assert _RENDERER.render(own, FAILURE).subject == "mine"
    assert _RENDERER.render(own, MANY).subject.startswith("[vision] 12 child runs")


def test_saving_a_rule_refuses_a_name_that_does_not_exist_and_lists_those_that_do() -> None:
    with pytest.raises(RefusedError) as caught:
        _RENDERER.check(Templates(text="{% if false %}{{ runid }}{% endif %}"), FAILURE)
    assert "the text template is refused: the template names 'runid'" in str(caught.value)
    assert all(name in str(caught.value) for name in KNOWN)


def test_saving_a_rule_refuses_what_fails_with_its_facts() -> None:
    with pytest.raises(TemplateRefusedError, match=r"the subject template is refused: .*nothing"):
        _RENDERER.check(Templates(subject="{{ tags.nothing }}"), FAILURE)


def test_saving_a_rule_shows_the_message() -> None:
    assert _RENDERER.check(Templates(subject="{{ run_id }}"), FAILURE).subject == "digits_1780000000_4f1c"


def test_a_template_that_fails_gives_the_facts_and_the_error() -> None:
    rendered = _RENDERER.render_or_fall_back(Templates(text="{{ tags.nothing }}"), FAILURE)
    assert rendered.failure is not None
    assert "nothing" in rendered.failure
    assert rendered.subject == "[digits] run résumé of żółw: Running -> Failed"
    for said in (rendered.failure, "epoch 2 loss <nan> & no more", "ValueError", "training failed", "0.9123456"):
        assert said in rendered.text
    assert "<nan>" not in rendered.html


@given(any_facts())
def test_the_fallback_never_fails(facts: Facts) -> None:
    rendered = fallback(facts, TemplateFailedError("why"))
    assert rendered.text
    assert rendered.failure == "why"


def test_the_fallback_survives_facts_of_the_wrong_kind() -> None:
    class Unprintable:
        def __str__(self) -> str:
            raise ValueError

    odd = replace(FAILURE, run_id=Unprintable(), display_name=5, recorded_at="x", log_lines=7, tags=None)  # type: ignore[arg-type]
    rendered = fallback(odd, ValueError("\ud83d\x00"))
    assert "cannot be shown: ValueError" in rendered.text
    assert "digits" in rendered.text


def test_compiled_templates_are_found_again_by_their_text() -> None:
    renderer = Renderer(lambda: 0.0)
    for _ in range(3):
        renderer.render(Templates(), FAILURE)
    assert renderer._text.cache_info().misses == 2  # type: ignore[attr-defined]
