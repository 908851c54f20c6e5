"""A comment is a command only if nobody could read it otherwise."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.command import MAX_REASON, Command, Hint, parse_command
from manifests.command_lookalike import VERBS
from manifests.times import from_rfc3339

SHA = "a1b2c3d4" * 5
WITH_WORDS = ("approve", "unhold", "delegate", "break-glass")
DECEMBER = from_rfc3339("2026-12-01T00:00:00Z")
DAY = 86_400_000_000


class Case(msgspec.Struct):
    id: str
    body: str
    expect: list[str] | str
    why: str


class Corpus(msgspec.Struct):
    head_sha: str
    cases: list[Case]


CORPUS = msgspec.json.decode((Path(__file__).parents[2] / "data" / "comment-bodies.json").read_bytes(), type=Corpus)


@pytest.mark.parametrize("case", CORPUS.cases, ids=lambda case: case.id)
def test_the_corpus_of_comments_is_read_as_expected(case: Case) -> None:
    found = parse_command(case.body)
    if found is None:
        outcome: list[str] | str = []
    elif isinstance(found, Hint) or found.sha not in (None, CORPUS.head_sha):
        outcome = "hint"
    else:
        outcome = [found.verb]
    assert outcome == case.expect, case.why


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"/approve {SHA}", Command("approve", SHA)),
        (f"/approve {SHA} production", Command("approve", SHA, ("production",))),
        (f"/approve\t{SHA}  staging \t production \t", Command("approve", SHA, ("staging", "production"))),
        (f"/approve {SHA} staging staging", Command("approve", SHA, ("staging",))),
        (f"/APPROVE {SHA.upper()} production", Command("approve", SHA, ("production",))),
        (f"/unhold {SHA}", Command("unhold", SHA)),
        ("/delegate @dana production", Command("delegate", None, ("production",), login="dana")),
        ("/Delegate @Dana-R b a b", Command("delegate", None, ("b", "a"), login="Dana-R")),
        ("/delegate @d_acme e until 2026-12-01T01:00:00+01:00\nHoliday.",
            Command("delegate", None, ("e",), "Holiday.", "d_acme", until=DECEMBER)),
        ("/delegate @dana e until 2026-11-30", Command("delegate", None, ("e",), login="dana", until=DECEMBER)),
        ("/delegate @dana e until 2026-12-01", Command("delegate", None, ("e",), login="dana", until=DECEMBER + DAY)),
        ("/delegate @dana e for 8h", Command("delegate", None, ("e",), login="dana", lasts=8 * 3600)),
        ("/delegate @dana e for 3d", Command("delegate", None, ("e",), login="dana", lasts=3 * 86_400)),
        (f"/break-glass {SHA} production\nINC0012345: it stands.\nNow.",
            Command("break-glass", SHA, ("production",), "INC0012345: it stands.\nNow.", incident="INC0012345")),
        (f"/BREAK-GLASS {SHA.upper()} a b\r\n\r\nfor chg0030001",
            Command("break-glass", SHA, ("a", "b"), "for chg0030001", incident="CHG0030001")),
        ("/reject", Command("reject")),
        ("/reject\n\nThe back-test is last year's.\n", Command("reject", reason="The back-test is last year's.")),
        ("/revoke\rgone\r", Command("revoke", reason="gone")),
        ("/hold\r\na\r\nb\rc\n", Command("hold", reason="a\nb\nc")),
        ("/Status ", Command("status")),
        ("/recheck", Command("recheck")),
        ("/help", Command("help")),
        ("/reject\nplease /approve", Command("reject", reason="please /approve")),
        ("/reject\n> /approve", Command("reject", reason="> /approve")),
        ("/reject\n    /approve", Command("reject", reason="/approve")),
        ("/reject\nhidden\x00 \u202e \ud800", Command("reject", reason="hidden\ufffd \ufffd \ufffd")),
        ("/reject\n" + "x" * 5_000, Command("reject", reason="x" * MAX_REASON)),
    ],
)  # fmt: skip
def test_commands_are_read(body: str, expected: Command) -> None:
    assert parse_command(body) == expected


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("/approve", "command.no_sha"),
        ("/unhold", "command.no_sha"),
        (f"/approve {SHA[:7]} production", "command.short_sha"),
        (f"/approve {SHA[:39]}", "command.short_sha"),
        (f"/approve {SHA}0", "command.long_sha"),
        ("/approve main", "command.not_a_sha"),
        ("/approve production", "command.not_a_sha"),
        (f"/approve sha:{SHA}", "command.not_a_sha"),
        (f"/approve production {SHA}", "command.not_a_sha"),
        (f"/approve {SHA} once CI is green", "command.extra_words"),
        (f"/approve {SHA} Production", "command.extra_words"),
        (f"/approve {SHA} production, staging", "command.extra_words"),
        (f"/approve {SHA} {'e' * 33}", "command.extra_words"),
        (f"/approve {SHA} " + " ".join(f"e{i}" for i in range(21)), "command.extra_words"),
        (f"/unhold {SHA} production", "command.extra_words"),
        ("/reject because it is bad", "command.extra_words"),
        ("/revoke now", "command.extra_words"),
        ("/hold please", "command.extra_words"),
        ("/status now", "command.extra_words"),
        ("/delegate", "command.no_login"),
        ("/delegate production", "command.no_login"),
        ("/delegate dana production", "command.no_login"),
        ("/delegate @ production", "command.no_login"),
        ("/delegate @acme/risk production", "command.no_login"),
        ("/delegate @dana", "command.no_environment"),
        ("/delegate @dana for 3d", "command.no_environment"),
        ("/delegate @dana @carol production", "command.extra_words"),
        ("/delegate @dana Production", "command.extra_words"),
        ("/delegate @dana production until", "command.no_end"),
        ("/delegate @dana production for", "command.no_end"),
        ("/delegate @dana production until tomorrow", "command.no_end"),
        ("/delegate @dana production until 2026-13-01", "command.no_end"),
        ("/delegate @dana production until 2026-12-01T00:00:00", "command.no_end"),
        ("/delegate @dana production until 9999-12-31", "command.no_end"),
        ("/delegate @dana production until 2026-W01-1", "command.no_end"),
        ("/delegate @dana production for 3", "command.no_end"),
        ("/delegate @dana production for 0d", "command.no_end"),
        ("/delegate @dana production for 3w", "command.no_end"),
        ("/delegate @dana production for 3d please", "command.no_end"),
        ("/delegate @dana for production until 2026-12-01", "command.no_end"),
        ("/break-glass", "command.no_sha"),
        (f"/break-glass {SHA[:12]} production\nINC0012345", "command.short_sha"),
        (f"/break-glass production {SHA}\nINC0012345", "command.not_a_sha"),
        (f"/break-glass {SHA}\nINC0012345", "command.no_environment"),
        (f"/break-glass {SHA} Production\nINC0012345", "command.extra_words"),
        (f"/break-glass {SHA} production", "command.no_incident"),
        (f"/break-glass {SHA} production\nPrices stand still.\nINC0012345", "command.no_incident"),
        (f"/break-glass {SHA} production\nINC12", "command.no_incident"),
        (f"/break-glass {SHA} production\nXINC0012345", "command.no_incident"),
        (f"/break-glass {SHA} production\nINC0012345\n/approve {SHA}", "command.several"),
        (f"/hold\n/break-glass {SHA} production", "command.several"),
        (f"/approve {SHA}\n/hold", "command.several"),
        (f"/reject\n/approve {SHA}", "command.several"),
        ("/reject\n/reject", "command.several"),
        (f"/approve {SHA}\r/REJECT", "command.several"),
        (f"/approve {SHA}\n  /reject", "command.several"),
        (f"/approve {SHA}\n\u200b/reject", "command.several"),
        (f"/approve {SHA}\n/r\u0435ject", "command.several"),
        (f"/approve {SHA}\n```\n/reject\n```", "command.several"),
        (f"do not\n/approve {SHA}\nyet", "command.not_first"),
        (f"Done.\n\n/approve {SHA}", "command.not_first"),
        (f" /approve {SHA}", "command.indented"),
        (f"/approve {SHA} production\u2028/reject", "command.foreign_character"),
        (f"/approve {SHA} \u2014 fine", "command.foreign_character"),
        (f"/approve {SHA}\x0b", "command.foreign_character"),
        (f"\u202e/approve {SHA}", "command.foreign_character"),
        (f"/appr\u200bove {SHA}", "command.foreign_character"),
        (f"/approve\u3000{SHA}", "command.foreign_character"),
        (f"\uff0f\uff41\uff50\uff50\uff52\uff4f\uff56\uff45 {SHA}", "command.foreign_character"),
        (f"\u2215approve {SHA}", "command.foreign_character"),
        ("/r\u0435v\u043ek\u0435", "command.foreign_character"),
        ("/rec\u04bbec\u212a", "command.foreign_character"),
        ("/h\u00f6ld", "command.foreign_character"),
        ("/reject\U000e0041", "command.foreign_character"),
        ("/st\u0430tus", "command.foreign_character"),
        ("/d\u0435legate @dana production", "command.foreign_character"),
        ("/dele\u0261ate @dana production", "command.foreign_character"),
        ("/break\u2010glass x", "command.foreign_character"),
        ("/break\u2013glass x", "command.foreign_character"),
        ("/break\u2212glass x", "command.foreign_character"),
        ("/break\uff0dglass x", "command.foreign_character"),
        ("/\u044creak-glass x", "command.foreign_character"),
        ("/delegate @d\u0430na production", "command.foreign_character"),
    ],
)
def test_what_is_almost_a_command_is_hinted_at_and_not_done(body: str, code: str) -> None:
    found = parse_command(body)
    assert isinstance(found, Hint)
    assert found.code == code
    assert found.reason.isascii()
    assert found.reason.count(". ") == 0
    assert found.reason.endswith(".")


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (f"\u200b/approve {SHA}", "U+200B ZERO WIDTH SPACE"),
        (f"/\u0430pprove {SHA}", "U+0430 CYRILLIC SMALL LETTER A"),
        (f"/approve\u00a0{SHA}", "U+00A0 NO-BREAK SPACE"),
        (f"/approve {SHA}\x00", "U+0000"),
        ("/reject \ud800", "U+D800"),
    ],
)
def test_a_hint_names_the_character_that_cannot_be_seen(body: str, name: str) -> None:
    found = parse_command(body)
    assert isinstance(found, Hint)
    assert name in found.reason


@pytest.mark.parametrize(
    "body",
    [
        "",
        "\n",
        "/",
        "//approve",
        "/approved",
        "/approve/x",
        "/approve-all",
        "/break",
        "/break glass",
        "/breakglass",
        "/break-glass-now",
        "/delegated",
        "/lgtm",
        "/retest",
        "approve",
        "Nothing to /approve here",
        f"    /approve {SHA}",
        f"\t/approve {SHA}",
        f"\n/approve {SHA}",
        f"Example:\n```\n/approve {SHA}\n```",
        f"Hi <!--\n/approve {SHA}\n-->",
        f"<details>\n/approve {SHA}\n</details>",
        "/gro\u00dfartig",
        "\u00e4hm",
        "hello\u2028/approve",
    ],
)
def test_talk_is_left_alone(body: str) -> None:
    assert parse_command(body) is None


_PIECES = st.sampled_from(
    [f"/{verb}" for verb in VERBS]
    + [SHA, SHA[:7], "@dana", "until", "for 3d", "2026-12-01", "INC0012345", "production"]
    + ["\n", "\r", "\r\n", " ", "\t", "```", "> ", "<!--", "\u200b", "\u0430", "\x0b", "x"]
)
_BODIES = st.lists(_PIECES, max_size=12).map("".join) | st.text(max_size=200)


@given(_BODIES | st.text(st.characters(), max_size=60))
def test_any_body_is_read_without_an_error(body: str) -> None:
    found = parse_command(body)
    assert found is None or isinstance(found, Command | Hint)


@given(_BODIES)
def test_a_command_stands_on_the_first_line_as_its_own_words(body: str) -> None:
    found = parse_command(body)
    if isinstance(found, Command):
        first = body.replace("\r", "\n").split("\n")[0]
        assert first.isascii()
        assert first.lower().split()[0] == f"/{found.verb}"
        assert len(first.split()) >= 1 + (found.sha is not None) + len(found.environments)
        assert found.sha is None or found.sha == first.lower().split()[1]


@given(_BODIES, st.sampled_from(VERBS))
def test_a_second_command_below_keeps_the_first_from_counting(body: str, verb: str) -> None:
    assert not isinstance(parse_command(f"{body}\n/{verb}"), Command)


@given(st.sampled_from([v for v in VERBS if v not in WITH_WORDS]), st.text("abc /.\n", max_size=50))
def test_a_command_reads_back_from_its_own_words(verb: str, reason: str) -> None:
    found = parse_command(f"/{verb}\n{reason}")
    assert isinstance(found, Command)
    assert (found.verb, found.reason) == (verb, reason.strip())


@pytest.mark.parametrize(
    "body",
    [
        "/approve " * 8_000,
        "/approve\n" * 8_000,
        "\u200b" * 65_000,
        "/approve " + "\u200b" * 65_000,
        "\u00e4\n" * 32_000,
        " " * 65_000 + "/approve",
        "<" * 65_000,
        ("<!-" * 100 + "\n") * 200,
        "/approve " + "a" * 65_000,
        "/approve " + SHA + " e" * 32_000,
        "x" + "\r\n" * 32_000,
        "`" * 65_000,
    ],
    ids=range(12),
)
def test_the_longest_bodies_grant_nothing(body: str) -> None:
    assert not isinstance(parse_command(body), Command)
