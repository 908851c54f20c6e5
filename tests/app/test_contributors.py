"""Who had a hand in a release, from the facts; whoever cannot be told is named as unknown."""

from __future__ import annotations

import msgspec
import pytest

from app.facts.contributors import WEB_FLOW_ID, Trace, traces
from app.pulls.store import ARRIVED, LEFT, Head
from integrations.github.port import Account, Commit, Pull

ALICE, BOB, BOT = Account(1, "alice"), Account(2, "bob"), Account(9, "release-bot", "Bot")
WEB = Account(WEB_FLOW_ID, "web-flow")
HEAD = "a" * 40
PULL = Pull(
    1, "open", False, False, "Release", ALICE, HEAD, 5, "main", "b" * 40, 5, None, 0
)  # fmt: skip
COMMIT = Commit(HEAD, ("b" * 40,), ALICE, ALICE, "alice@acme.example", "alice@acme.example", "Retrain", True)
PUSHED = Head(HEAD, ARRIVED, "github:1", 0)


def found(
    pull: Pull = PULL, commits: tuple[Commit, ...] = (COMMIT,), heads: tuple[Head, ...] = (PUSHED,)
) -> tuple[Trace, ...]:
    return traces(pull, commits, heads, ())


def people(seen: tuple[Trace, ...]) -> set[tuple[str, int]]:
    return {
        (trace.role, trace.account.id if trace.account else trace.account_id or 0)
        for trace in seen
        if not trace.unknown
    }


def unknown(seen: tuple[Trace, ...]) -> str:
    return " ".join(trace.unknown for trace in seen if trace.unknown)


def test_the_usual_case_has_no_unknown() -> None:
    assert people(found()) == {("requester", 1), ("author", 1), ("committer", 1), ("pusher", 1)}
    assert unknown(found()) == ""


def test_what_github_commits_for_people_is_theirs() -> None:
    seen = found(commits=(msgspec.structs.replace(COMMIT, committer=WEB),))
    assert ("committer", WEB_FLOW_ID) not in people(seen)
    assert unknown(seen) == ""


@pytest.mark.parametrize(
    ("message", "role", "why"),
    [
        ("x\n\nCo-authored-by: Bob <2+bob@users.noreply.github.com>", ("co-author", 2), ""),
        ("x\n\nco-AUTHORED-by: Bob <2+bob@users.noreply.github.com>", ("co-author", 2), ""),
        ("x\n\nCo-authored-by: Bob <bob@acme.example>", None, "acme.example"),
        ("x\n\nCo-authored-by: Bob <>", None, "no domain"),
        ("x\n\nCo-authored-by: Bob <bob@users.noreply.github.com>", None, "users.noreply.github.com"),
        ("x\n\nCo-authored-by: Bob <2+bob@users.noreply.github.com.evil.example>", None, "evil.example"),
    ],
)
def test_co_authors_count_by_their_id_or_are_unknown(message: str, role: tuple[str, int] | None, why: str) -> None:
    seen = found(commits=(msgspec.structs.replace(COMMIT, message=message),))
    assert (role is None) or role in people(seen)
    assert why in unknown(seen)
    assert bool(why) == bool(unknown(seen))


def test_every_commit_counts_and_unlinked_addresses_fail_closed() -> None:
    other = msgspec.structs.replace(COMMIT, sha="c" * 40, author=BOB, committer=None, committer_email="x@else.example")
    seen = found(commits=(COMMIT, other))
    assert ("author", 2) in people(seen)
    assert "else.example" in unknown(seen)
    assert "x@" not in unknown(seen), "addresses are personal"


@pytest.mark.parametrize(
    ("heads", "why"),
    [
        ((), "Nobody told us who pushed aaaaaaaaaaaa"),
        ((Head(HEAD, LEFT, "github:1", 0),), "Nobody told us who pushed aaaaaaaaaaaa"),
        ((PUSHED, Head("d" * 40, ARRIVED, "", 0)), "Nobody told us who pushed dddddddddddd"),
        ((Head(HEAD, ARRIVED, "app:7", 0),), "Nobody told us who pushed aaaaaaaaaaaa"),
    ],
)
def test_a_head_without_a_known_pusher_fails_closed(heads: tuple[Head, ...], why: str) -> None:
    assert why in unknown(found(heads=heads))


def test_every_pusher_the_pull_request_ever_had_counts() -> None:
    seen = found(heads=(PUSHED, Head("d" * 40, ARRIVED, "github:2", 0)))
    assert ("pusher", 2) in people(seen)


def test_an_author_who_is_gone_or_a_bot_without_a_sponsor_is_unknown() -> None:
    assert "is gone" in unknown(found(msgspec.structs.replace(PULL, author=None)))
    assert "is a bot" in unknown(found(msgspec.structs.replace(PULL, author=BOT)))
