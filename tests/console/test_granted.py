"""What people consented to, besides approving: each told as what it is."""

from __future__ import annotations

from app.console.granted import ConsentRow, row
from app.console.names import Names
from app.sandbox.world import TENANT
from gates.model import Consent, Delegation, FindingException
from tests.console.halfway import Halfway
from tests.console.markup import Markup
from tests.gates.builders import alter, passing

APPROVAL: Consent = passing("merge")[1].consents[0]


def said(decision: str, **more: object) -> Consent:
    changed: Consent = alter(APPROVAL, decision=decision, **more)
    return changed


async def _shown(halfway: Halfway, consent: Consent, idle: str) -> ConsentRow:
    return await halfway.service.database.read(lambda tx: row(consent, idle, Names(tx, TENANT)))


async def test_every_consent_tells_what_it_is_and_about_what(halfway: Halfway) -> None:
    alice = (await halfway.release()).requester
    cases = [
        (said("approve"), "", ("pass", "approval", "")),
        (said("approve"), "it expired", ("none", "approval", "")),
        (said("reject"), "", ("fail", "rejection", "")),
        (said("hold"), "", ("fail", "hold", "")),
        (
            said("delegate", delegation=Delegation("", alice, 0)),
            "",
            ("none", "delegation", "alice may act for them in this release."),
        ),
        (
            said("delegate", delegation=Delegation("", alice, 0, "repository")),
            "",
            ("none", "delegation", "alice may act for them in every release of this repository."),
        ),
        (
            said("except", exception=FindingException("scan", "CVE-1", "no network")),
            "",
            ("wait", "exception", "CVE-1 of scan may stay, because of: no network"),
        ),
        (said("break-glass", incident="INC0012345"), "", ("wait", "break glass", "For INC0012345.")),
        (said("review", glass="d1"), "", ("pass", "review", "Of the broken glass d1.")),
    ]

    for consent, idle, told in cases:
        found = await _shown(halfway, consent, idle)
        assert (found.tone, found.word, found.terms) == told
        assert (found.consent, found.idle) == (consent, idle)


async def test_the_page_shows_them_as_they_are_called(halfway: Halfway) -> None:
    release = await halfway.release()
    page = Markup((await halfway.get(f"/releases/{release.id}")).text)
    assert "✓ approval bob as senior-developers for production" in page.text
    assert "– approval alice" in page.text
