"""Names are put in when something is shown; what is kept has marks, and whoever was erased is "a person"."""

from __future__ import annotations

from sqlalchemy import text

from app.privacy import names
from app.privacy.names import NOBODY, mark
from gates.model import Result, Verdict
from tests.privacy.world import LOG, World, world

ADA, BOB = mark("github:1"), mark("github:2")


async def people(at: World) -> None:
    await at.person(1, "ada")
    await at.person(2, 'b<o>"b')


CASES = (
    (f"{ADA}'s approval does not count.", "ada's approval does not count."),
    (f"Filled by {ADA} and {BOB}.", 'Filled by ada and b<o>"b.'),
    (f"Filled by {mark('github:9')}.", f"Filled by {NOBODY}."),
    ("Filled by {name:github:1…", f"Filled by {NOBODY}…"),
    ("Filled by {na…", f"Filled by {NOBODY}…"),
    ("{name:}, {n}, {name:x}, {} and {", "{name:}, {n}, {name:x}, {} and {"),
    ("", ""),
)


async def test_marks_become_logins(database_url: str) -> None:
    async with world(database_url) as at:
        await people(at)
        for kept, shown in CASES:
            assert await at.database.read(lambda tx, kept=kept: names.in_text(tx, LOG, kept)) == shown  # type: ignore[misc]


async def test_a_name_cannot_break_out_of_what_it_is_put_in(database_url: str) -> None:
    async with world(database_url) as at:
        await people(at)
        assert await names.in_json(at.database, LOG, f'{{"by":"{BOB}"}}'.encode()) == rb'{"by":"b<o>\"b"}'
        assert await names.in_html(at.database, LOG, f"<b>{BOB}</b>") == "<b>b&lt;o&gt;&#34;b</b>"


async def test_every_sentence_of_a_verdict_is_named_and_nothing_else_changes(database_url: str) -> None:
    def verdict(one: str, other: str) -> Verdict:
        child = Result("g", "wait", f"By {one}.", f"Ask {other}.", (), one, f"{other}'s approval")
        return Verdict("merge", "production", "wait", (Result("approvals", "wait", one, children=(child,)),), "r", "e")

    async with world(database_url) as at:
        await people(at)
        (named,) = await at.database.read(lambda tx: names.in_verdicts(tx, LOG, [verdict(ADA, ADA)]))
        assert named == verdict("ada", "ada")


async def test_names_do_not_cross_tenants_and_go_with_erasure(database_url: str) -> None:
    async with world(database_url) as at:
        await people(at)
        assert await at.database.read(lambda tx: names.in_text(tx, "other", ADA)) == NOBODY
        asked = await at.erasures.request(LOG, "github:1", "they asked", "token:one")
        await at.erasures.confirm(LOG, asked.id, "token:two")
        assert await at.database.read(lambda tx: names.in_text(tx, LOG, ADA)) == NOBODY
        rows = await at.database.read(lambda tx: tx.all(text("SELECT login FROM accounts ORDER BY account")))
        assert [row.login for row in rows] == ["", 'b<o>"b']
