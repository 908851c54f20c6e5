"""Every page, over real HTTP, of a release that is half-way."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from app.db.tx import Tx
from app.sandbox.world import TENANT
from tests.console.halfway import Halfway
from tests.console.markup import Markup

HOSTILE = "</span><script>alert(1)</script><img src=x onerror=alert(2)> \u202egnp"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(2)&gt; \ufffdgnp"


async def paths(halfway: Halfway) -> list[str]:
    release = await halfway.release()
    decision = release.verdicts["production"].decision_id
    return ["/releases", f"/releases/{release.id}", f"/decisions/{decision}", "/audit", "/login", "/nowhere"]


async def test_the_list_names_release_environment_outcome_and_requester(halfway: Halfway) -> None:
    page = await halfway.get("/releases")
    read = Markup(page.text)
    for words in ("intraday-policy 3.2.0", "production: waiting", "alice", "acme/models#1", "model", "open"):
        assert words in read.text
    release = await halfway.release()
    assert f"/releases/{release.id}" in read.links
    assert f"{halfway.world.github.base_url}/acme/models/pull/1" in read.links
    assert re.search(r'<time datetime="20\d\d-[^"]+Z" title="[^"]+">20\d\d-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC', page.text)


async def test_the_tree_has_the_words_of_the_check_run(halfway: Halfway) -> None:
    release = await halfway.release()
    page = Markup((await halfway.get(f"/releases/{release.id}")).text)
    said = re.findall(r"\*\*(.+?)\*\* (\w+):", (halfway.check().summary or "").replace("\\", "").replace("\u200b", ""))
    assert ("approvals", "waits") in said
    assert ("artifacts", "passes") in said
    for name, word in said:
        assert f"{name} {word}" in page.text


async def test_the_release_page_tells_the_whole_story(halfway: Halfway) -> None:
    release = await halfway.release()
    page = Markup((await halfway.get(f"/releases/{release.id}")).text)
    for words in (
        "production: merging is waiting",
        f"/approve {halfway.pull.head_sha} production",
        release.revision,
        release.trace_id,
        "releases/intraday/release.yaml",
        "Filled by bob.",
        "Does not count: they asked for this release",
        "Retrained on Q3 data after the drift alert",
        "Signed by training cluster",
        "Signed by back-test service",
        "✓ passed",
        "policy.json",
        "in the repository",
        "CHG0030001",
        "erin requested Change Management",
        "Release proposed by alice",
        "Approved for production by bob",
        "Change request CHG0030001 opened for production",
        "merge to production … waiting",
    ):
        assert words in page.text, words


async def test_the_decision_page_replays_to_the_same_verdict(halfway: Halfway) -> None:
    release = await halfway.release()
    page = Markup((await halfway.get(f"/decisions/{release.verdicts['production'].decision_id}")).text)
    assert "the verdict comes out the same, byte for byte" in page.text
    assert "Parts of the snapshot" in page.text
    assert "consents" in page.text
    assert len(re.findall(r"\b[0-9a-f]{64}\b", page.text)) >= 14


async def test_pages_are_well_formed_and_hold_nothing_that_the_policy_forbids(halfway: Halfway) -> None:
    for path in await paths(halfway):
        answer = await halfway.get(path)
        page = Markup(answer.text)
        assert page.inline == [], path
        assert all(address.startswith("/") and not address.startswith("//") for address in page.loaded), path
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Cache-Control"] == "no-store"


async def test_every_file_that_pages_load_is_served_for_good(halfway: Halfway) -> None:
    page = Markup((await halfway.get("/releases")).text)
    files = [address for address in page.loaded if address.startswith("/static/")]
    assert {address.rpartition("/")[2] for address in files} == {
        "icon.svg", "pico.min.css", "console.css", "htmx.min.js", "console.js",
    }  # fmt: skip
    for address in files:
        answer = await halfway.get(address)
        assert answer.status == 200
        assert "immutable" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path", ["/static/0/pico.min.css", "/static/0/..%2f..%2fviews.py", "/static/0/LICENSE-htmx.txt"]
)
async def test_other_files_are_not_served(halfway: Halfway, path: str) -> None:
    assert (await halfway.get(path)).status == 404


async def test_what_people_wrote_stays_text(halfway: Halfway) -> None:
    release = await halfway.release()
    halfway.say("carol", f"/reject\n{HOSTILE}")
    await halfway.until(lambda: halfway.page_says("rejection</span>"))

    def rename(tx: Tx) -> None:
        tx.run(text("UPDATE accounts SET login = :login WHERE login = 'alice'"), login=HOSTILE)
        tx.run(text("UPDATE releases SET name = :name, version = :name, path = :name"), name=HOSTILE)
        tx.run(text("UPDATE changes SET facts_json = replace(facts_json, 'http://', 'javascript://')"))

    await halfway.service.database.write(rename)
    for path in (f"/releases/{release.id}", "/releases"):
        answer = await halfway.get(path)
        page = Markup(answer.text)
        assert ESCAPED in answer.text
        assert "<script>alert" not in answer.text
        assert "\u202e" not in answer.text
        assert page.inline == []
        assert not [link for link in page.links if not link.startswith(("/", "http://", "#"))]
    reasons = (await halfway.get(f"/releases/{release.id}")).text
    assert re.search(r'class="said-why">“&lt;/span&gt;&lt;script&gt;', reasons)


async def test_the_waiting_part_refreshes_itself_and_answers_nothing_while_nothing_changes(halfway: Halfway) -> None:
    release = await halfway.release()
    page = (await halfway.get(f"/releases/{release.id}")).text
    found = re.search(r'hx-get="(/releases/[^"]+/verdicts\?seen=[0-9a-f]+)" hx-trigger="every 5s"', page)
    assert found
    assert (await halfway.get(found[1])).status == 204
    other = await halfway.get(f"/releases/{release.id}/verdicts?seen=0")
    assert other.status == 200
    assert Markup(other.text).ids[0] == "live"
    assert "production: merging is waiting" in other.text
    halfway.say("carol", f"/approve {halfway.pull.head_sha} production")
    await halfway.until(lambda: halfway.page_says("Filled by carol."))
    changed = await halfway.get(found[1])
    assert changed.status == 200
    assert "Filled by carol." in changed.text


async def test_a_closed_release_is_not_asked_for_again(halfway: Halfway) -> None:
    release = await halfway.release()
    halfway.world.github.close_pull("acme/models", halfway.pull.number, by="alice")
    await halfway.until(lambda: halfway.page_says("Release closed without merging"))
    page = (await halfway.get(f"/releases/{release.id}")).text
    assert "hx-get" not in page
    assert 'id="approve-line"' not in page


async def test_an_altered_record_is_an_alarm_on_the_page(halfway: Halfway) -> None:
    release = await halfway.release()

    def tamper(tx: Tx) -> None:
        tx.run(text("DROP TRIGGER records_no_update"))
        changed = (
            "UPDATE records SET body = CAST(replace(body, 'approve', 'approvE') AS BLOB) WHERE event = 'grant.recorded'"
        )
        assert tx.run(text(changed)).rowcount

    await halfway.service.database.write(tamper)
    page = await halfway.get(f"/releases/{release.id}")
    assert page.status == 200
    assert "is not what was sealed" in page.text


async def test_an_altered_verdict_is_an_alarm_and_never_shown(halfway: Halfway) -> None:
    release = await halfway.release()

    def tamper(tx: Tx) -> None:
        tx.run(text("DROP TRIGGER blobs_no_update"))
        assert tx.run(text("UPDATE blobs SET body = CAST(body || ' ' AS BLOB) WHERE kind = 'verdict'")).rowcount

    await halfway.service.database.write(tamper)
    for path in (f"/releases/{release.id}", f"/decisions/{release.verdicts['production'].decision_id}"):
        page = await halfway.get(path)
        assert page.status == 200
        assert "the verdict cannot be read" in page.text
        assert "Filled by bob" not in Markup(page.text).text.partition("Timeline")[0]


async def test_a_damaged_snapshot_leaves_the_rest_of_the_page(halfway: Halfway) -> None:
    release = await halfway.release()

    def tamper(tx: Tx) -> None:
        tx.run(text("DROP TRIGGER blobs_no_delete"))
        assert tx.run(text("DELETE FROM blobs WHERE kind = 'snapshot/consents'")).rowcount

    await halfway.service.database.write(tamper)
    assert "production: merging is waiting" in (await halfway.get(f"/releases/{release.id}")).text
    decision = await halfway.get(f"/decisions/{release.verdicts['production'].decision_id}")
    assert "This decision cannot be replayed." in decision.text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "countersign.example"])
async def test_an_open_console_answers_to_names_of_this_machine_only(halfway: Halfway, host: str) -> None:
    assert (await halfway.get("/releases", {"Host": host})).status == 421
    assert "intraday" not in (await halfway.get("/releases", {"Host": host})).text
    assert (await halfway.get("/releases", {"Host": "localhost:1"})).status == 200


async def test_an_open_console_is_closed_to_what_a_proxy_passes_on(halfway: Halfway) -> None:
    answer = await halfway.get("/releases", {"X-Forwarded-For": "203.0.113.9"})
    assert answer.status == 401
    assert "intraday" not in answer.text


async def test_another_tenants_release_is_as_unknown_as_none(halfway: Halfway) -> None:
    release = await halfway.release()
    await halfway.service.database.write(lambda tx: tx.run(text("UPDATE releases SET tenant = 'other'")))
    await halfway.service.database.write(lambda tx: tx.run(text("DROP TRIGGER decisions_no_update")))
    await halfway.service.database.write(lambda tx: tx.run(text("UPDATE decisions SET tenant = 'other'")))
    for path in (
        f"/releases/{release.id}",
        f"/releases/{release.id}/verdicts",
        f"/decisions/{release.verdicts['production'].decision_id}",
    ):
        answer = await halfway.get(path)
        assert answer.status == 404
        assert "intraday" not in answer.text
    assert "No releases yet" in (await halfway.get("/releases")).text
    assert TENANT in (await halfway.get("/releases")).text


async def test_problems_are_pages_for_browsers_and_documents_for_tools(halfway: Halfway) -> None:
    page = await halfway.get("/nowhere")
    assert page.status == 404
    assert "What to do:" in Markup(page.text).text
    tool = await halfway.get("/nowhere", {"Accept": "*/*"})
    assert tool.headers["Content-Type"].startswith("application/problem+json")
    api = await halfway.get("/api/v1/releases")
    assert api.headers["Content-Type"].startswith("application/problem+json")


async def test_the_start_leads_to_the_releases(halfway: Halfway) -> None:
    answer = await halfway.get("/")
    assert (answer.status, answer.headers["Location"]) == (303, "/releases")
