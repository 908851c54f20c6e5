"""A seat can ask that lineage and evidence were shown: by our comment, or by the text before a signature."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from app.sandbox import documents
from tests.signatures.around import read, served
from tests.signatures.test_delegating import shown, started, until_shown

SEAT = "{group: risk-managers, count: 1}"


def asking(strength: str) -> Callable[[str], str]:
    return lambda policy: policy.replace(
        SEAT, f"{{group: risk-managers, count: 1, signature: {strength}, shown: [lineage, test-result]}}"
    )


async def test_our_comment_lists_the_documents_and_an_approval_after_it_says_so(
    tmp_path: Path, new_url: Callable[[], str]
) -> None:
    async with started(tmp_path, amend=asking("attested"), database_url=new_url()) as stage:
        paths = (f"{documents.FOLDER}/lineage.dsse.json", documents.BACK_TEST)
        digests = sorted(hashlib.sha256(stage.files[path]).hexdigest() for path in paths)
        await until_shown(stage, "SHA-256")
        for digest in digests:
            assert f"SHA-256 {digest[:16]}…" in shown(stage)
        await stage.next_second()
        stage.bob_approves()
        stage.say("carol", f"/approve {stage.pull.head_sha} production")
        await stage.until_outcome("allow")
        assert {grant.consent.shown for grant in await stage.grants()} == {tuple(digests)}


async def test_the_text_before_a_signature_shows_them(tmp_path: Path) -> None:
    async with started(tmp_path, amend=asking("personal")) as stage:
        key = await stage.enrolled("carol")
        text = (await stage.prepare(key)).body["display"]
        digests = read(await served(stage, key, "approve")).predicate.shown
        assert len(digests) == 2
        assert all(text.count(f"sha256:{digest}") == 2 for digest in digests)
        assert "signed by back-test service (SHA256:" in text
        stage.bob_approves()
        assert (await stage.approve(key)).status == 201
        await stage.until_outcome("allow")
