"""Recurrences are judged by their text alone: what no calendar has, or what is not understood, is refused."""

from __future__ import annotations

from datetime import datetime

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from manifests.policy_parser_rrule import FREQUENCIES, MAX_LENGTH, WEEKDAYS, faults, until
from tests.manifests.documents.samples import RICH, edited, marked, policy, policy_problems


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY",
        "FREQ=WEEKLY;BYDAY=SA,SU",
        "BYDAY=MO;FREQ=WEEKLY;INTERVAL=2;WKST=SU",
        "FREQ=MONTHLY;BYDAY=1MO,-1FR",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=MONTHLY;BYMONTHDAY=1,-1",
        "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24,25,26",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=YEARLY;BYDAY=53MO",
        "FREQ=DAILY;COUNT=10000;BYHOUR=0,23;BYMINUTE=0,59",
        "FREQ=DAILY;UNTIL=20261224T170000Z",
    ],
)
def test_what_the_standard_and_this_product_know_is_right(rule: str) -> None:
    assert faults(rule) == ()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("", "1 to 200 characters, found 0"),
        ("FREQ=DAILY;" + "X" * MAX_LENGTH, "1 to 200 characters"),
        ("DAILY", "NAME=value"),
        ("FREQ=DAILY;", "NAME=value"),
        ("FREQ=DAILY;;COUNT=1", "NAME=value"),
        ("freq=DAILY;FREQ=DAILY", "found 'freq'"),
        ("FREQ=DAILY;BYWEEKNO=1", "found 'BYWEEKNO'"),
        ("FREQ=DAILY;BYSECOND=1", "found 'BYSECOND'"),
        ("FREQ=DAILY;FREQ=WEEKLY", "FREQ once"),
        ("BYDAY=MO", "Expected FREQ, found none"),
        ("FREQ=HOURLY", "FREQ: expected one of"),
        ("FREQ=daily", "FREQ: expected one of"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL: expected a whole number from 1 to 366"),
        ("FREQ=DAILY;INTERVAL=367", "INTERVAL: expected"),
        ("FREQ=DAILY;INTERVAL=+1", "INTERVAL: expected"),
        ("FREQ=DAILY;INTERVAL=01", "INTERVAL: expected"),
        ("FREQ=DAILY;INTERVAL=", "INTERVAL: expected"),
        ("FREQ=DAILY;COUNT=10001", "COUNT: expected a whole number from 1 to 10000"),
        ("FREQ=DAILY;COUNT=1;UNTIL=20261224T170000Z", "COUNT or UNTIL, found both"),
        ("FREQ=DAILY;UNTIL=20261224", "UNTIL: expected an instant in UTC"),
        ("FREQ=DAILY;UNTIL=20261224T170000", "UNTIL: expected an instant in UTC"),
        ("FREQ=DAILY;UNTIL=20260230T170000Z", "UNTIL: expected an instant in UTC"),
        ("FREQ=DAILY;UNTIL=20261224T240000Z", "UNTIL: expected an instant in UTC"),
        ("FREQ=DAILY;UNTIL=99991231T000000Z", "UNTIL: expected an instant in UTC"),
        ("FREQ=WEEKLY;BYDAY=MO,MO", "BYDAY: expected days"),
        ("FREQ=MONTHLY;BYDAY=1MO,+1MO", "BYDAY: expected days"),
        ("FREQ=WEEKLY;BYDAY=Monday", "BYDAY: expected days"),
        ("FREQ=YEARLY;BYDAY=54MO", "BYDAY: expected days"),
        ("FREQ=WEEKLY;BYDAY=1MO", "days without a number with FREQ=WEEKLY"),
        ("FREQ=MONTHLY;BYDAY=6MO", "numbers up to 5 with FREQ=MONTHLY"),
        ("FREQ=YEARLY;BYMONTH=1;BYDAY=6MO", "numbers up to 5 with FREQ=YEARLY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "no BYMONTHDAY with FREQ=WEEKLY"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY: expected whole numbers"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY: expected whole numbers"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,1", "BYMONTHDAY: expected whole numbers"),
        ("FREQ=YEARLY;BYMONTH=13", "BYMONTH: expected whole numbers from 1 to 12"),
        ("FREQ=YEARLY;BYMONTH=-1", "BYMONTH: expected whole numbers from 1 to 12"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "a day that BYMONTH has"),
        ("FREQ=YEARLY;BYMONTH=4,6;BYMONTHDAY=-31", "a day that BYMONTH has"),
        ("FREQ=DAILY;BYSETPOS=1", "another BY… part beside BYSETPOS"),
        ("FREQ=DAILY;BYSETPOS=0;BYHOUR=1", "BYSETPOS: expected whole numbers"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR: expected whole numbers from 0 to 23"),
        ("FREQ=DAILY;BYMINUTE=60", "BYMINUTE: expected whole numbers from 0 to 59"),
        ("FREQ=DAILY;WKST=XX", "WKST: expected one of"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said(rule: str, words: str) -> None:
    found = faults(rule)
    assert any(words in fault.message for fault in found), found
    assert all(fault.remedy for fault in found)


def test_every_fault_of_a_rule_is_found_at_once() -> None:
    assert len(faults("FREQ=HOURLY;INTERVAL=0;BYDAY=XX;COUNT=0")) == 4


def test_the_end_of_a_rule_is_told() -> None:
    assert until("FREQ=DAILY;UNTIL=20261224T170000Z") == datetime(2026, 12, 24, 17)  # noqa: DTZ001
    assert until("FREQ=DAILY") is None


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("rule: FREQ=WEEKLY;BYDAY=SA,SU", "rule: ‸FREQ=WEEKLY;BYDAY=SA,SA", "policy.recurrence"),
        ("rule: FREQ=WEEKLY;BYDAY=SA,SU", "rule: ‸FREQ=WEEKLY;UNTIL=20251224T170000Z", "policy.recurrence_ended"),
        ("start: 2026-01-03T00:00:00\n", "start: ‸2026-01-03T00:00:00Z\n", "field.form"),
        ("start: 2026-01-03T00:00:00\n", "start: ‸2026-01-03\n", "field.form"),
        ("start: 2026-01-03T00:00:00\n", "start: ‸2026-02-30T00:00:00\n", "field.form"),
        ("start: 2026-01-03T00:00:00\n", "start: ‸1970-01-03T00:00:00\n", "field.form"),
        ("duration: 48h", "duration: ‸32d", "field.form"),
        ("duration: 48h", "duration: ‸0s", "field.form"),
        ("timezone: Europe/Zurich", "timezone: ‸../etc/passwd", "field.form"),
        ("timezone: Europe/Zurich", "timezone: ‸Europe Zurich", "field.form"),
        ("timezone: Europe/Zurich", "‸time_zone: Europe/Zurich", "field.unknown"),
        ("except: [2026-12-26]", "except: [‸2026-12-32]", "field.form"),
        ("except: [2026-12-26]", "except: [2026-12-26, ‸2026-12-26]", "field.duplicate"),
        ("except: [2026-12-26]", "except: ‸2026-12-26", "field.type"),
    ],
)
def test_each_mistake_is_reported_where_it_stands(old: str, new: str, code: str) -> None:
    text, place = marked(RICH, old, new)
    assert [(p.code, (p.line, p.column)) for p in policy_problems(text)] == [(code, place)]


def test_a_recurrence_is_in_utc_unless_it_names_a_zone() -> None:
    (window,) = policy(edited(RICH, "        timezone: Europe/Zurich\n", "")).rules[0].windows
    assert window.timezone == "UTC"


_PARTS = st.one_of(
    st.sampled_from(FREQUENCIES).map("FREQ={}".format),
    st.integers(-1, 400).map("INTERVAL={}".format),
    st.lists(st.sampled_from((*WEEKDAYS, "1MO", "-1FR", "6TU")), min_size=1, max_size=3).map(
        lambda days: "BYDAY=" + ",".join(days)
    ),
    st.lists(st.integers(-32, 32), min_size=1, max_size=3).map(lambda days: "BYMONTHDAY=" + ",".join(map(str, days))),
    st.lists(st.integers(0, 13), min_size=1, max_size=3).map(lambda months: "BYMONTH=" + ",".join(map(str, months))),
    st.integers(-2, 24).map("BYHOUR={}".format),
    st.integers(-2, 2).map("BYSETPOS={}".format),
    st.text(alphabet="FREQ=BYDAY;,1-+", max_size=8),
)


@given(st.lists(_PARTS, max_size=5).map(";".join))
def test_whatever_passes_is_a_rule_to_others_too(rule: str) -> None:
    if not faults(rule):
        rrulestr(rule, dtstart=datetime(2026, 1, 3))  # noqa: DTZ001


@given(st.text(max_size=MAX_LENGTH + 2))
def test_any_text_is_judged(rule: str) -> None:
    faults(rule)


@pytest.mark.parametrize(("count", "codes"), [(100, []), (101, ["policy.too_many_recurrences"])])
def test_a_policy_has_only_so_many(count: int, codes: list[str]) -> None:
    span = "recurrence: {{rule: FREQ=DAILY, start: 2026-01-01T00:00:00, duration: {}m}}"
    text = "schema: countersign/policy/v1\nfreezes:\n" + "".join(
        f"  - {{name: f{i}, {span.format(1 + i % count)}}}\n" for i in range(120)
    )
    assert [problem.code for problem in policy_problems(text)] == codes
