"""Recurrences become the spans that people mean, also where clocks change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.facts import zones
from app.facts.calendar import AROUND_S, calendar, occurrences
from gates.model import Policies
from gates.terms import EffectiveRule, WindowTerms
from manifests.policy import Freeze, Policy, TenantPolicy
from manifests.policy_terms import Recurrence

SECOND = 1_000_000
HOUR = 3600
DAY = 24 * HOUR
WEEKEND = Recurrence("FREQ=WEEKLY;BYDAY=FR", "2026-01-02T18:00:00", 60 * HOUR, "Europe/Zurich")


def at(text: str) -> int:
    """``2026-11-20 18:00`` in UTC, in microseconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def told(recurrence: Recurrence, near: str) -> list[tuple[str, int]]:
    """The begin in UTC and the hours of each span that touches the three days around ``near``."""
    found = occurrences(recurrence, at(near))
    assert found.problem == ""
    low, high = at(near) - 36 * HOUR * SECOND, at(near) + 36 * HOUR * SECOND
    return [
        (datetime.fromtimestamp(start // SECOND, UTC).strftime("%d %H:%M"), (end - start) // SECOND // HOUR)
        for start, end in found.spans
        if start < high and end > low
    ]


@pytest.mark.parametrize(
    ("zone", "start", "near", "spans"),
    [
        # The clocks go forward at 02:00 local: 02:30 does not exist and shifts to 03:30.
        ("Europe/Zurich", "02:30", "2026-03-28 12:00", [("27 01:30", 2), ("28 01:30", 2), ("29 01:30", 2)]),
        ("Europe/Zurich", "02:30", "2026-03-30 12:00", [("29 01:30", 2), ("30 00:30", 2), ("31 00:30", 2)]),
        # The clocks go back at 03:00 local: 02:30 comes twice, and the first is meant.
        ("Europe/Zurich", "02:30", "2026-10-25 12:00", [("24 00:30", 2), ("25 00:30", 2), ("26 01:30", 2)]),
        ("Europe/Zurich", "18:00", "2026-03-29 00:00", [("27 17:00", 2), ("28 17:00", 2), ("29 16:00", 2)]),
        ("America/New_York", "02:30", "2026-03-08 12:00", [("07 07:30", 2), ("08 07:30", 2), ("09 06:30", 2)]),
        ("America/New_York", "01:30", "2026-11-01 12:00", [("31 05:30", 2), ("01 05:30", 2), ("02 06:30", 2)]),
        ("UTC", "02:30", "2026-03-29 12:00", [("28 02:30", 2), ("29 02:30", 2), ("30 02:30", 2)]),
    ],
)
def test_a_daily_time_is_the_one_on_the_wall(zone: str, start: str, near: str, spans: list[tuple[str, int]]) -> None:
    recurrence = Recurrence("FREQ=DAILY", f"2026-01-01T{start}:00", 2 * HOUR, zone)
    assert told(recurrence, near) == spans


def test_a_weekend_over_the_change_lasts_as_many_hours_as_any_other() -> None:
    (span,) = told(WEEKEND, "2026-03-28 12:00")
    assert span == ("27 17:00", 60)


@pytest.mark.parametrize(
    ("rule", "more", "begins"),
    [
        ("FREQ=MONTHLY;BYDAY=-1FR", {}, ["2026-10-30", "2026-11-27"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", {}, ["2026-10-31", "2026-11-30"]),
        ("FREQ=MONTHLY;BYMONTHDAY=31", {}, ["2026-10-31"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", {}, ["2026-10-30", "2026-11-30"]),
        ("FREQ=MONTHLY", {"start": "2020-01-20T00:00:00"}, ["2026-10-20", "2026-11-20", "2026-12-20"]),
        ("FREQ=MONTHLY;INTERVAL=2", {"start": "2020-01-20T00:00:00"}, ["2026-11-20"]),
        ("FREQ=YEARLY", {"start": "2019-11-27T00:00:00"}, ["2026-11-27"]),
        ("FREQ=YEARLY;INTERVAL=2", {"start": "2019-11-27T00:00:00"}, []),
        ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=10", {}, ["2026-12-10"]),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR", {"start": "2026-11-06T00:00:00"},
            ["2026-11-06", "2026-11-20", "2026-12-04", "2026-12-18"],
        ),
        ("FREQ=WEEKLY;BYDAY=FR;COUNT=2", {"start": "2026-11-13T00:00:00"}, ["2026-11-13", "2026-11-20"]),
        ("FREQ=WEEKLY;BYDAY=FR;UNTIL=20261113T000000Z", {}, ["2026-10-23", "2026-10-30", "2026-11-06", "2026-11-13"]),
        ("BYDAY=FR;UNTIL=20261112T235959Z;FREQ=WEEKLY", {}, ["2026-10-23", "2026-10-30", "2026-11-06"]),
        (
            "FREQ=WEEKLY;BYDAY=FR;UNTIL=20261204T000000Z",
            {"except_dates": ("2026-11-20", "2026-11-27")},
            ["2026-10-23", "2026-10-30", "2026-11-06", "2026-11-13", "2026-12-04"],
        ),
    ],
)  # fmt: skip
def test_rules_are_read_as_rfc_5545_has_them(rule: str, more: dict[str, object], begins: list[str]) -> None:
    recurrence = msgspec.structs.replace(Recurrence(rule, "2020-01-01T00:00:00", HOUR), **more)
    found = occurrences(recurrence, at("2026-11-20 18:00"))
    assert found.problem == ""
    assert [str(datetime.fromtimestamp(start // SECOND, UTC).date()) for start, _ in found.spans] == begins


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ({"timezone": "Europe/Zürich"}, "no time zone"),
        ({"timezone": "../../etc/passwd"}, "no time zone"),
        ({"timezone": "Mars/Olympus"}, "no time zone"),
        ({"timezone": "Europe"}, "no time zone"),
        ({"rule": ""}, "cannot be read"),
        ({"rule": "BYDAY=FR"}, "Expected FREQ"),
        ({"rule": "FREQ=SECONDLY"}, "cannot be read"),
        ({"rule": "FREQ=DAILY;BYEASTER=0"}, "cannot be read"),
        ({"rule": "FREQ=DAILY\nEXDATE:20261120T180000"}, "cannot be read"),
        ({"rule": "FREQ=DAILY;BYMONTHDAY=0"}, "cannot be read"),
        ({"rule": "FREQ=DAILY;BYMINUTE=" + ",".join(map(str, range(50))) + ";BYHOUR=0,1,2,3,4,5"}, "more than"),
        ({"start": "yesterday"}, "no local time"),
        ({"start": "2026-01-02T18:00:00+01:00"}, "no local time"),
        ({"start": "9000-01-02T18:00:00"}, "too far away"),
        ({"duration": 0}, "lasts 0 s"),
        ({"duration": 400 * DAY}, "expected 1 s to 366 days"),
        ({"except_dates": ("Christmas",)}, "no date"),
    ],
)
def test_what_cannot_be_expanded_is_a_problem_and_never_nothing(fault: dict[str, object], problem: str) -> None:
    found = occurrences(msgspec.structs.replace(WEEKEND, **fault), at("2026-11-20 18:00"))
    assert problem in found.problem
    assert found.spans == ()


def test_a_rule_that_never_comes_is_looked_for_within_bounds() -> None:
    assert occurrences(msgspec.structs.replace(WEEKEND, rule="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), 0).spans == ()


def test_a_day_has_one_answer_that_reaches_31_days_to_either_side() -> None:
    morning, evening = (occurrences(WEEKEND, at(f"2026-11-20 {clock}")) for clock in ("00:00", "23:59"))
    assert morning == evening
    assert morning.since <= at("2026-11-20 00:00") - AROUND_S * SECOND
    assert morning.until >= at("2026-11-20 23:59") + AROUND_S * SECOND


def test_a_long_span_that_began_long_ago_is_still_told() -> None:
    recurrence = Recurrence("FREQ=YEARLY", "2020-01-10T00:00:00", 365 * DAY)
    assert len(occurrences(recurrence, at("2026-11-20 18:00")).spans) == 1


def test_only_what_concerns_the_environment_is_told_each_once() -> None:
    nightly = Recurrence("FREQ=DAILY", "2026-01-01T22:00:00", 8 * HOUR)
    release = Recurrence("FREQ=WEEKLY;BYDAY=TU", "2026-01-06T08:00:00", 8 * HOUR)
    tenant = TenantPolicy("", freezes=(Freeze("weekend", environments=("Production",), recurrence=WEEKEND),))
    policy = Policy(
        "",
        freezes=(
            Freeze("weekend too", recurrence=WEEKEND), Freeze("night", environments=("staging",), recurrence=nightly),
            Freeze("once", start=1, end=2),
        ),
    )  # fmt: skip
    rule = EffectiveRule((), (), 1, (), (), None, (), (), 0, 0, windows=(WindowTerms("r", (release, WEEKEND)),))
    found = calendar(Policies(tenant, policy), rule, "production", at("2026-11-20 18:00"))
    assert [one.recurrence for one in found] == [WEEKEND, release]
    assert [one.recurrence for one in calendar(Policies(tenant, policy), None, "staging", 0)] == [WEEKEND, nightly]


# Against an oracle that looks at every day.

ZONES = ("UTC", "Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
Match = Callable[[date], bool]


@st.composite
def simple(draw: st.DrawFn) -> tuple[Recurrence, Match]:
    """A recurrence, and whether it begins on a day."""
    days = st.datetimes(datetime.fromisoformat("2015-01-01"), datetime.fromisoformat("2026-12-31"))
    start = draw(days).replace(microsecond=0)
    interval = draw(st.integers(1, 5))
    kind = draw(st.sampled_from(("DAILY", "WEEKLY", "MONTHLY", "YEARLY")))
    first = start.date()
    rule = f"FREQ={kind};INTERVAL={interval}"
    if kind == "DAILY":
        match: Match = lambda day: (day - first).days % interval == 0  # noqa: E731
    elif kind == "WEEKLY":
        names = draw(st.sets(st.sampled_from(WEEKDAYS), min_size=1))
        rule += f";BYDAY={','.join(sorted(names))}"
        monday = first - timedelta(days=first.weekday())
        match = lambda day: (  # noqa: E731
            WEEKDAYS[day.weekday()] in names and (day - monday).days // 7 % interval == 0
        )
    elif kind == "MONTHLY":
        match = lambda day: (  # noqa: E731
            day.day == first.day and ((day.year - first.year) * 12 + day.month - first.month) % interval == 0
        )
    else:
        match = lambda day: (  # noqa: E731
            (day.month, day.day) == (first.month, first.day) and (day.year - first.year) % interval == 0
        )
    zone = draw(st.sampled_from(ZONES))
    excepted = draw(st.lists(st.dates(date(2026, 10, 1), date(2026, 12, 31)), max_size=3))
    duration = draw(st.integers(1, 40 * DAY))
    made = Recurrence(rule, start.isoformat(), duration, zone, tuple(map(str, excepted)))
    return made, lambda day: match(day) and day >= first and day not in excepted


@given(simple(), st.integers(at("2026-10-15 00:00"), at("2026-12-20 00:00")))
def test_spans_are_those_of_the_days_on_which_the_rule_begins(made: tuple[Recurrence, Match], now: int) -> None:
    recurrence, match = made
    where = zones.zone(recurrence.timezone)
    clock = time.fromisoformat(recurrence.start.partition("T")[2])
    found = occurrences(recurrence, now)
    expected = []
    days = (date(2026, 8, 1) + timedelta(days=n) for n in range(200))
    for day in filter(match, days):
        start = int(datetime.combine(day, clock, tzinfo=where).timestamp()) * SECOND
        end = start + recurrence.duration * SECOND
        if end >= found.since and start <= found.until:
            expected.append((start, end))
    assert list(found.spans) == expected
