"""A chip is one text; what is no chip is named, with the way out."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidNameError
from ledger.filters import FILTER_VALUES, Filter, Operator, joined, split

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.sampled_from(["tag", "property"]), texts.filter(bool), st.lists(texts, min_size=1, max_size=4))
def test_a_chip_is_the_same_behind_its_text(field: str, key: str, values: list[str]) -> None:
    chip = Filter(field, Operator.IS, tuple(values), key)
    assert Filter.parse(str(chip)) == chip
    assert split(joined(values)) == values


@given(st.text())
def test_any_text_is_a_chip_or_is_refused(text: str) -> None:
    try:
        chip = Filter.parse(text)
    except InvalidNameError as error:
        assert "filter" in str(error)
    else:
        assert Filter.parse(str(chip)) == chip


def test_a_chip_is_written_as_people_write_it() -> None:
    assert Filter.parse("tag.team:is:vision,speech") == Filter("tag", Operator.IS, ("vision", "speech"), "team")
    assert Filter.parse("tag.team:in:vision,speech") == Filter.parse("tag.team:is:vision,speech")
    assert Filter.parse(r"tag.a\:b.c:is:x\,y,12:30") == Filter("tag", Operator.IS, ("x,y", "12:30"), "a:b.c")
    assert Filter.parse("metric.loss:between:0,1").values == ("0", "1")
    assert Filter.parse("tag.team:has-key").values == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tag.team", "compares nothing"),
        ("tag.team:like:x", "'like' compares nothing; write FIELD:OPERATOR:VALUES"),
        ("colour:is:red", "runs have no field 'colour'; they have status, "),
        ("tag:is:x", "tag.KEY"),
        ("status.x:is:Failed", "no field 'status.x'"),
        ("status:>:Failed", "cannot be compared by '>'; it can by is, is-not"),
        ("status:is:Done", "'Done' is no status; there are NotStarted"),
        ("metric.loss:>:low", "'low' is no number"),
        ("metric.loss:>:nan", "'nan' is no number"),
        ("metric.loss:between:1", "takes 2 values"),
        ("tag.team:has-key:x", "takes no value"),
        ("tag.team:is", "one value or more"),
        ("ended:>:yesterday", "'yesterday' is no moment"),
        ("duration:>:soon", "'soon' is no duration"),
        ("tag.a:is:x\0y", "holds a NUL"),
        ("tag.a:is:" + "," * FILTER_VALUES, "at most 50 values"),
    ],
)
def test_what_is_no_chip_is_named(text: str, why: str) -> None:
    with pytest.raises(InvalidNameError, match=re.escape(why)) as refused:
        Filter.parse(text)
    assert text.partition("\0")[0][:8] in str(refused.value)
