"""Dates and encoded queries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.errors import RefusedError
from integrations.servicenow.queries import equals, one_of, query
from integrations.servicenow.simulator.query import Condition, parse
from integrations.servicenow.times import format_instant, parse_instant

_LAST_SECOND = 253_402_300_799


@given(st.integers(min_value=0, max_value=_LAST_SECOND))
def test_an_instant_of_whole_seconds_survives_the_way_through_servicenow(second: int) -> None:
    assert parse_instant(format_instant(second * 1_000_000)) == second * 1_000_000


@given(st.integers(min_value=0, max_value=_LAST_SECOND), st.integers(min_value=0, max_value=999_999))
def test_fractions_of_a_second_are_cut_off_not_rounded(second: int, micros: int) -> None:
    assert parse_instant(format_instant(second * 1_000_000 + micros)) == second * 1_000_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-12-01",
        "2026-12-01T18:00:00",
        "2026-12-01 18:00:00Z",
        "2026-13-01 18:00:00",
        "2026-02-30 00:00:00",
        "01-12-2026 18:00:00",
        "２０２６-12-01 18:00:00",
        "2026-12-01 18:00:00\n",
    ],
)
def test_any_other_form_of_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_instant(text)


@given(st.text())
def test_a_value_is_refused_or_stays_one_condition(value: str) -> None:
    try:
        text = query(equals("correlation_id", value))
    except RefusedError:
        return
    understood = parse("change_request", text, "caller")
    assert understood.groups == (((Condition("correlation_id", "=", value),),),)


@pytest.mark.parametrize(
    "value",
    ["", "a^ORactive=true", "^", "javascript:gs.getUserID()", "JavaScript:x", " a", "a ", "a\nb", "a\x00b"],
)
def test_a_value_that_could_widen_a_query_is_refused(value: str) -> None:
    with pytest.raises(RefusedError):
        equals("correlation_id", value)


@pytest.mark.parametrize("values", [[], ["a,b"], ["a", ""], ["a", "b^c"]])
def test_a_list_of_values_is_refused_when_empty_or_unsafe(values: list[str]) -> None:
    with pytest.raises(RefusedError):
        one_of("group", values)


def test_a_query_is_ordered_so_that_pages_do_not_overlap() -> None:
    assert query(equals("a", "1"), one_of("b", ["2", "3"])) == "a=1^bIN2,3^ORDERBYsys_id"
