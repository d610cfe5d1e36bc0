"""No template can keep the service busy, fill its memory, or reach more than the facts."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.templates.budget import TemplateFailedError
from alerts.templates.rendered import Templates
from alerts.templates.rendering import Renderer
from alerts.templates.sandbox import TemplateRefusedError
from tests.alerts.facts import FAILURE

MANY = replace(
    FAILURE,
    log_lines=["x" * 1_000] * 20,
    traceback="y" * 50_000,
    parameters={f"p{number}": "v" * 1_000 for number in range(2_000)},
)
_LOOPS = "{% for a in parameters %}"
_ENDS = "{% endfor %}"
TOO_LONG = {
    "loops within loops that say nothing": _LOOPS * 4 + "{% set x = 1 %}" + _ENDS * 4,
    "loops within loops that do nothing": _LOOPS * 4 + _ENDS * 4,
    "loops over characters": "{% for a in traceback %}{% for b in traceback %}{% for c in traceback %}"
    "{% if a == 'z' %}{% endif %}" + _ENDS * 3,
    "calculation in loops": _LOOPS * 3 + "{% if 3 * 7 == 1 %}{% endif %}" + _ENDS * 3,
    "sorting again and again": _LOOPS * 2 + "{% set s = parameters|sort|sort|sort|length %}" + _ENDS * 2,
    "a loop that counts itself": _LOOPS * 3 + "{{ loop.length * 0 if loop.last }}" + _ENDS * 3,
}
TOO_LARGE = {
    "loops that say much": _LOOPS + "{{ log }}{{ traceback }}" + _ENDS,
    "texts that double": "{% set a = log %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "replacing nothing": "{{ log|replace('', log)|replace('', log) }}",
    "joining": "{{ log|join(log)|join(log)|join(log) }}",
    "a long list": "{{ [" + "log," * 10_000 + "]|join }}",
}
_DOUBLES = "{% set a = [1] %}{% set b = [1] %}" + "{% set a = [a, a] %}{% set b = [b, b] %}" * 60
_TUPLES = "{% set a = (1, 1) %}{% set b = (1, 1) %}" + "{% set a = (a, a) %}{% set b = (b, b) %}" * 60
REFUSED = {
    "keys that are lists": "{% set a = {(1, 2): 1} %}",
    "slices": "{{ log[1:] }}",
    "largest": "{{ [[1], [2]]|max }}",
    "membership tests": "{{ 1 is in [1] }}",
    "power": "{{ 10 ** 10 ** 10 }}",
    "macros": "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
    "range": "{% for a in range(10**9) %}{% endfor %}",
    "lipsum": "{{ lipsum(n=10**6) }}",
    "namespaces": "{% set n = namespace(x='') %}",
    "blocks": "{% block a %}{{ self.a() }}{% endblock %}",
    "self": "{{ self }}",
    "captures": "{% set x %}{{ log }}{% endset %}",
    "filter blocks": "{% filter upper %}x{% endfilter %}",
    "inclusion": "{% include 'x' %}",
    "import": "{% import 'x' as x %}",
    "extension": "{% extends 'x' %}",
    "recursion": "{% for x in log_lines recursive %}{{ loop(log_lines) }}{% endfor %}",
    "turning off escapes": "{% autoescape false %}{{ run }}{% endautoescape %}",
    "safe": "{{ run|safe }}",
    "joining with ~": "{{ run ~ run }}",
    "wide formats": "{{ '%1000000000d'|format(1) }}",
    "wide indents": "{{ run|indent(1000000000) }}",
    "random": "{{ log_lines|random }}",
    "attribute": "{{ run|attr('__class__') }}",
    "our own names": "{{ _budget }}",
    "a filter of our own": "{{ log_lines|_turns }}",
    "deep nesting": "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "deep lists": "{{ " + "[" * 3_000 + "]" * 3_000 + " }}",
    "a long number": "{{ " + "9" * 60_000 + " }}",
    "length": "x" * 64_001,
    "a tag that never ends": "{% for a in log_lines %}",
    "nonsense": "{{ }}{% nonsense %}",
}
FAILING = {
    "comparing lists of lists": _DOUBLES + "{{ a == b }}",
    "comparing the other way round": _DOUBLES + "{{ 1 < 2 != a }}",
    "a list in a list": _DOUBLES + "{{ a in [b] }}",
    "sorting lists of lists": _DOUBLES + "{{ [a, b]|sort|length }}",
    "sorting tuples of tuples": _TUPLES + "{{ [a, b]|sort|length }}",
    "tuples as keys": _TUPLES + "{{ tags[a] }}",
    "tuples as names": _TUPLES + "{{ tags.get(a) }}",
    "hashing tuples": _TUPLES + "{{ a in tags }}",
    "text times number": "{{ 'a' * 1000000000 }}",
    "list times number": "{{ [0] * 1000000000 }}",
    "formatting by %": "{{ '%1000000000d' % 1 }}",
    "numbers that grow": "{% set a = 18446744073709551615 %}{% set a = a * a %}{% set a = a * a %}",
    "a round number": "{{ 5|round(-1000000000) }}",
    "str.format": "{{ '{:1000000000}'.format(1) }}",
    "str.ljust": "{{ 'x'.ljust(1000000000) }}",
    "str.join": "{{ 'x'.join(log_lines) }}",
    "a list as text": "{{ [" + "parameters," * 5_000 + "] }}",
    "a list as text by a filter": "{{ [" + "parameters," * 5_000 + "]|string }}",
    "a list within a list": "{{ [[" + "parameters," * 5_000 + "]]|join }}",
    "classes": "{{ run.__class__.__mro__ }}",
    "classes by item": "{{ run['__class__'] }}",
    "globals of functions": "{{ run.upper.__globals__ }}",
    "changing the facts": "{{ tags.update({'a': 'b'}) }}",
    "what is not there": "{{ tags.nothing }}",
    "nothing's attribute": "{{ tags.baseline.upper() }}",
    "division by zero": "{{ 1 / 0 }}",
    "text and number": "{{ 'a' + 1 }}",
    "not a loop": "{% for a in 5 %}{% endfor %}",
}


def untimed() -> Renderer:
    """What is stopped here is stopped without a clock."""
    return Renderer(lambda: 0.0)


def _ids(cases: dict[str, str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("source", list(cases.values()), ids=list(cases))


@_ids(TOO_LONG)
def test_a_template_that_takes_long_is_stopped(source: str) -> None:
    """Without its bound each would run for hours."""
    with pytest.raises(TemplateFailedError, match=r"took more than 250 ms|worked on more than 4,000,000 characters"):
        Renderer().render(Templates(text=source), MANY)


def test_the_time_limit_is_that_of_the_clock() -> None:
    times = iter([10.0, 10.1, 10.2, 10.26, 10.3])
    with pytest.raises(TemplateFailedError, match="250 ms"):
        Renderer(lambda: next(times)).render(Templates(text="{% for a in 'abcdef' %}{{ a }}{% endfor %}"), FAILURE)


@_ids(TOO_LARGE)
def test_a_template_that_makes_too_much_is_stopped(source: str) -> None:
    with pytest.raises(TemplateFailedError, match="256,000 bytes"):
        untimed().render(Templates(text=source), MANY)


def test_the_size_is_counted_in_bytes() -> None:
    wide = replace(FAILURE, log_lines=["ż" * 4_900])
    assert len(untimed().render(Templates(text="{{ log }}" * 26), wide).text) == 26 * 4_900
    with pytest.raises(TemplateFailedError, match="256,000 bytes"):
        untimed().render(Templates(text="{{ log }}" * 27), wide)


@pytest.mark.parametrize(
    "source",
    [
        "{% set a = traceback + traceback %}"
        + "{% set a = a + a %}" * 3
        + "".join(f"{{% set b{n} = a + log %}}" for n in range(90)),
        "".join(f"{{% set a{n} = parameters|items %}}" for n in range(1_000)),
        "".join(f"{{% set a{n} = traceback|upper %}}" for n in range(1_000)),
        "".join(f"{{% set a{n} = traceback.split('y') %}}" for n in range(1_000)),
    ],
)
def test_what_is_made_on_the_way_is_bounded_too(source: str) -> None:
    with pytest.raises(TemplateFailedError, match="more than 4,000,000 characters"):
        untimed().render(Templates(text=source), MANY)


@_ids(REFUSED)
def test_a_template_that_is_made_of_more_than_is_listed_is_refused(source: str) -> None:
    for templates in (Templates(text=source), Templates(subject=source), Templates(html=source)):
        with pytest.raises(TemplateRefusedError):
            untimed().render(templates, FAILURE)


@_ids(FAILING)
def test_what_cannot_be_done_fails_at_once(source: str) -> None:
    with pytest.raises(TemplateFailedError) as caught:
        untimed().render(Templates(text=source), MANY)
    assert "ms;" not in str(caught.value)
    assert "object at 0x" not in str(caught.value)


@given(st.text("{}%|()[]'\"+-*/.,= \nabforinifesdet0129" + "_", max_size=80))
def test_no_text_makes_rendering_raise_anything_else(source: str) -> None:
    renderer = untimed()
    try:
        renderer.render(Templates(text=source), FAILURE)
    except (TemplateFailedError, TemplateRefusedError):
        assert renderer.render_or_fall_back(Templates(text=source), FAILURE).failure
