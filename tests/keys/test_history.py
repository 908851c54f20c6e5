"""A stranger reads from a log alone which key may sign which size of it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import key_history
from manifests.errors import ManifestError
from manifests.key_history import Period
from manifests.keys import PrivateKey
from manifests.record import Record
from tests.keys.logs import KEYS, ORIGIN, Log, plain, retired, revoked, rotated

A, B, C, D = KEYS[:4]


def rotated_log() -> Log:
    """A signs 1 and 2, A and B 3 to 5, B alone from 6 on."""
    log = Log()
    log.add(plain(), by=(A,))
    log.add(plain(), by=(A,))
    log.add(rotated(A, B), by=(A, B))
    log.add(plain(), by=(A, B))
    log.add(plain(), by=(A, B))
    log.add(retired(A), by=(B,))
    log.add(plain(), by=(B,))
    return log


def signers(log: Log, size: int) -> set[str]:
    return {verifier.key.fingerprint for verifier in log.history().acceptable(size)}


def names(*keys: PrivateKey) -> set[str]:
    return {key.public.fingerprint for key in keys}


def test_each_key_may_sign_its_sizes_and_no_others() -> None:
    log = rotated_log()
    assert [signers(log, size) for size in range(1, 8)] == [
        names(A), names(A), names(A, B), names(A, B), names(A, B), names(B), names(B),
    ]  # fmt: skip


def test_a_log_without_key_records_is_signed_by_the_keys_that_are_given() -> None:
    log = Log()
    log.add(plain(), by=(A,))
    assert log.history(A, B).acceptable(1_000) == log.history(A, B).acceptable(1)
    assert {one.key.fingerprint for one in log.history(A, B).acceptable(1)} == names(A, B)


@pytest.mark.parametrize("key", [A, B], ids=["the first key", "the newest key"])
def test_trust_in_one_key_leads_to_all(key: PrivateKey) -> None:
    assert rotated_log().believed(key.public) == names(A, B)


def test_trust_in_a_stranger_leads_nowhere() -> None:
    assert rotated_log().believed(C.public) == frozenset()


def test_a_new_key_that_only_it_itself_vouches_for_is_not_believed() -> None:
    log = Log()
    log.add(plain(), by=(A,))
    log.add(rotated(A, C), by=(C,))
    log.add(plain(), by=(C,))
    assert log.believed(A.public) == names(A)


def test_a_key_that_was_retired_leads_no_further() -> None:
    log = rotated_log()
    log.add(rotated(B, C), by=(A, C))
    assert log.believed(A.public, B.public) == names(A, B)


def test_a_checkpoint_that_a_retired_key_signs_later_is_refused() -> None:
    log = rotated_log()
    log.sign(A)
    with pytest.raises(ManifestError) as caught:
        key_history.judge(log.history(), log.notes[7])
    assert caught.value.problems[0].code == "checkpoint.key_ended"


def test_a_checkpoint_that_a_later_key_signs_for_an_early_size_is_refused() -> None:
    log = Log()
    log.add(plain(), by=(B,))
    early = log.notes[1]
    log.add(rotated(A, B), by=(A, B))
    with pytest.raises(ManifestError) as caught:
        key_history.judge(log.history(), early)
    assert caught.value.problems[0].code == "checkpoint.key_ended"


def test_a_checkpoint_of_nobody_known_is_refused() -> None:
    log = rotated_log()
    log.sign(D)
    with pytest.raises(ManifestError) as caught:
        key_history.judge(log.history(), log.notes[7])
    assert caught.value.problems[0].code == "checkpoint.unsigned"


def test_a_signature_beside_a_counting_one_does_no_harm() -> None:
    log = rotated_log()
    log.sign(A, B)
    assert key_history.judge(log.history(), log.notes[7]).by == names(B)


def leaked_log(size: int) -> Log:
    log = Log()
    for _ in range(4):
        log.add(plain(), by=(A,))
    log.add(rotated(A, B), revoked(A, size), by=(B,))
    log.add(plain(), by=(B,))
    return log


def test_signatures_above_the_size_of_a_revocation_count_no_longer() -> None:
    log = leaked_log(2)
    assert [signers(log, size) for size in range(1, 7)] == [
        names(A), names(A), set(), set(), names(B), names(B),
    ]  # fmt: skip


def test_what_was_signed_before_its_key_was_revoked_is_told_apart_from_forgery() -> None:
    log = leaked_log(2)
    assert not key_history.judge(log.history(), log.notes[2]).taken_back
    assert key_history.judge(log.history(), log.notes[3]).taken_back
    log.sign(A)
    with pytest.raises(ManifestError):
        key_history.judge(log.history(), log.notes[7])


def test_a_leaked_key_leads_nobody_to_its_successor_but_the_successor_leads_back() -> None:
    log = leaked_log(2)
    assert log.believed(A.public) == names(A)
    assert log.believed(B.public) == names(A, B)


def test_a_second_revocation_can_only_take_more_back() -> None:
    log = leaked_log(2)
    log.add(revoked(A, 4), by=(B,))
    assert signers(log, 3) == set()
    log.add(revoked(A, 1), by=(B,))
    assert signers(log, 2) == set()


class Odd(NamedTuple):
    name: str
    drafts: tuple[object, ...]
    signing: tuple[PrivateKey, ...]


ODD = (
    Odd("a key that replaces one that never signed", (rotated(C, D),), (A, B)),
    Odd("a rotation told twice", (rotated(A, B),), (A, B)),
    Odd("a key that comes back", (retired(A), rotated(B, A)), (B,)),
    Odd("the end of the only key", (retired(A), retired(B)), (B,)),
    Odd("the end of a stranger", (retired(C), revoked(C, 1)), (A, B)),
    Odd("a successor of a retired key", (retired(A), rotated(A, C)), (B,)),
)


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_a_record_that_does_not_fit_changes_nothing(odd: Odd) -> None:
    log = Log()
    log.add(rotated(A, B), by=(A, B))
    for draft in odd.drafts:
        log.add(draft, by=(B,))  # type: ignore[arg-type]
    assert {key.fingerprint for key in log.history().signing()} == names(*odd.signing)


def test_a_given_key_that_the_log_does_not_name_counts_for_every_size() -> None:
    """So that a log which was taken back to before a rotation is held against what the new key signed."""
    history = rotated_log().history(C)
    assert all(C.public in {one.key for one in history.acceptable(size)} for size in (1, 4, 7, 100))
    assert rotated_log().history(A, B).periods == rotated_log().history().periods


def altered(one: Record, **changes: object) -> Record:
    data = msgspec.json.decode(one.data) | changes
    return msgspec.structs.replace(one, data=msgspec.Raw(msgspec.json.encode(data)))


@pytest.mark.parametrize(
    "changes",
    [
        {"public_key": KEYS[4].public.to_openssh()},
        {"vkey": ""},
        {"vkey": "other+00000000+AAAA"},
        {"public_key": "ssh-ed25519 AAAA"},
        {"replaces_key": 7},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_key_record_without_its_form_is_refused(changes: dict[str, object]) -> None:
    log = rotated_log()
    log.records[2] = altered(log.records[2], **changes)
    with pytest.raises(ManifestError):
        log.history()


def test_records_of_other_components_name_no_keys() -> None:
    log = rotated_log()
    log.records = [msgspec.structs.replace(one, component="people") for one in log.records]
    assert log.history(A).periods == (Period(A.public, 0),)


class Life(NamedTuple):
    """What happened at each record: nothing, or a change of keys by their numbers."""

    steps: tuple[tuple[str, int, int], ...]


STEP = st.one_of(
    st.tuples(st.just("plain"), st.just(0), st.just(0)),
    st.tuples(st.just("rotated"), st.integers(0, 7), st.integers(0, 7)),
    st.tuples(st.just("retired"), st.integers(0, 7), st.just(0)),
    st.tuples(st.just("revoked"), st.integers(0, 7), st.integers(0, 30)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, max_size=24))
def test_whatever_happens_a_key_signs_one_stretch_and_never_comes_back(steps: list[tuple[str, int, int]]) -> None:
    log = Log()
    log.add(rotated(KEYS[0], KEYS[1]))
    for event, first, second in steps:
        if event == "plain":
            log.add(plain())
        elif event == "rotated":
            log.add(rotated(KEYS[first], KEYS[second]))
        elif event == "retired":
            log.add(retired(KEYS[first]))
        else:
            log.add(revoked(KEYS[first], min(second, log.size)))
    history = log.history()
    assert history.origin == ORIGIN
    for period in history.periods:
        signs = [size for size in range(log.size + 1) if period.may_sign(size)]
        assert signs == list(range(period.first, (period.last if period.last is not None else log.size) + 1))
        assert all(period.may_sign(size) for size in signs if period.counts(size))
    assert len({period.key.fingerprint for period in history.periods}) == len(history.periods)
    # What is read of the beginning is not changed by what comes later, but for what is taken back.
    half = key_history.read(ORIGIN, [], log.records[: len(log.records) // 2 + 1])
    for early in half.periods:
        late = history.period(early.key.fingerprint)
        assert late is not None
        assert late.first == early.first
        assert early.last is None or late.last == early.last
