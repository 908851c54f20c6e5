"""The steps in which Countersign says no: each with its reason, and with what makes the refusal go away."""

from __future__ import annotations

from pathlib import PurePosixPath

from app.sandbox import documents
from app.sandbox.outsiders import Run
from app.sandbox.stage import BRANCH, Stage
from app.sandbox.waiting import StoryError, until

WAITS, DENIED = "action_required", "failure"


async def own_evidence(stage: Stage) -> int:
    """The requester signs the evidence of her own release; the number of the pull request."""
    tell, github = stage.tell, stage.github
    tell.chapter("Alice proposes a release, with a back-test that she signed herself")
    files = {**stage.has.files, documents.BACK_TEST: stage.has.signed_by_alice}
    await github.push("alice", BRANCH, files, "Retrain on Q3 data")
    pull = await github.open("alice", BRANCH, "Release intraday-policy 3.2.0")
    tell.tell(
        f"Alice pushes the model, its lineage and a back-test to {BRANCH} and opens pull request #{pull.number}. The "
        "policy trusts her key, but not for a release of her own."
    )
    tell.link("Pull request", pull.url)
    check = await stage.refused(pull.number, DENIED, "signed by somebody who had a hand in this release")
    tell.link("The check's details", check.details_url or "")
    tell.tell("She lets the back-test service run it and sign the report, and pushes that.")
    theirs = {documents.BACK_TEST: stage.has.files[documents.BACK_TEST]}
    await github.push("alice", BRANCH, theirs, "Back-test by the back-test service")
    await stage.gone(pull.number, WAITS, "signed by somebody")
    return pull.number


async def altered_artifact(stage: Stage, number: int) -> None:
    tell, github = stage.tell, stage.github
    tell.chapter("The model file is altered, its digest in release.yaml is not")
    await github.push("alice", BRANCH, {documents.MODEL: stage.has.retrained}, "A tiny correction")
    tell.tell("Alice pushes other weights under the old digest.")
    await stage.refused(number, DENIED, "The manifest names policy.json with SHA-256")
    await github.push("alice", BRANCH, {documents.MODEL: stage.has.files[documents.MODEL]}, "Take that back")
    tell.tell("She puts the file back that the manifest, the lineage and the back-test are about.")
    await stage.gone(number, WAITS, "The manifest names policy.json")


async def unapproved_deployment(stage: Stage, number: int) -> None:
    tell, github = stage.tell, stage.github
    tell.chapter("Somebody tries to deploy what nobody has approved")
    tell.tell("The pipeline asks the gate about the head of the pull request.")
    pull = await github.pull(number)
    done = await stage.gate(pull.head_sha)
    if done.code != 1 or "approvals" not in done.out:
        raise StoryError(f"expected the gate to refuse with exit code 1 for approvals, found {done}")
    tell.refused(f"exit code {done.code}. Nothing is deployed.")
    tell.tell("Mallory starts the release workflow on the branch; GitHub asks Countersign's protection rule.")
    run_id = await github.deploy("mallory", "production", BRANCH)
    run = await answered(stage, run_id)
    if run.answers[-1].state != "rejected":
        raise StoryError(f"expected the protection rule to be rejected, found {run.answers}")
    tell.refused("the workflow run is stopped before its first step.")
    tell.says("The protection rule's answer on GitHub", [run.answers[-1].comment])


async def answered(stage: Stage, run_id: int) -> Run:
    return await until(
        lambda: stage.github.run(run_id), lambda run: bool(run.answers), "an answer to the protection rule"
    )


async def own_approval(stage: Stage, number: int) -> None:
    tell = stage.tell
    tell.chapter("Alice approves her own release")
    line = await stage.asked_to_paste(number)
    tell.tell("She is a senior developer, so she pastes the line from Countersign's comment:")
    tell.quote([line])
    await stage.github.comment("alice", number, line)
    await stage.refused(number, WAITS, "alice's approval does not count")


async def one_for_both(stage: Stage, number: int) -> None:
    tell = stage.tell
    tell.chapter("Dana is in both groups and approves")
    await stage.github.comment("dana", number, await stage.asked_to_paste(number))
    await stage.refused(number, WAITS, "fills one seat only")
    tell.tell("Bob, another senior developer, approves too. Now there are two persons for two seats.")
    await stage.github.comment("bob", number, await stage.asked_to_paste(number))
    check = await stage.gone(number, WAITS, "fills one seat only")
    filled = [line.strip("- ") for line in check.text.splitlines() if "Every seat is filled" in line]
    if not filled:
        raise StoryError(f"expected every seat to be filled, found {check}")
    tell.says("Countersign's check says", filled)
    tell.tell("Alice's own approval is not needed any more, and still counts for nothing.")


async def push_after_approval(stage: Stage, number: int) -> None:
    tell = stage.tell
    tell.chapter("Alice pushes after the approvals")
    manifest = stage.has.files[documents.MANIFEST].replace(b"ten minutes", b"twenty minutes")
    await stage.github.push("alice", BRANCH, {documents.MANIFEST: manifest}, "Shadow pricing for longer")
    tell.tell("She lengthens the shadow test in release.yaml. Nobody has approved that text.")
    await stage.refused(number, WAITS, "bob's approval does not count", "dana's approval does not count")


async def lax_policy(stage: Stage) -> None:
    """On a branch of one's own, any policy can be written. It is not asked."""
    tell, github = stage.tell, stage.github
    tell.chapter("Mallory writes a lax policy on another branch")
    await github.push("mallory", "fast-lane", {".github/countersign.yaml": stage.has.lax_policy}, "Be quicker")
    folder = PurePosixPath(next(path for path in stage.has.shortcut if path.endswith("release.yaml"))).parent
    await github.push("mallory", "shortcut", stage.has.shortcut, "A shortcut", start="main")
    pull = await github.open("mallory", "shortcut", "A shortcut", base="fast-lane")
    tell.tell(
        f"On fast-lane, .github/countersign.yaml asks for nobody but Mallory. Pull request #{pull.number} would "
        f"release {folder} into it."
    )
    tell.link("Pull request", pull.url)
    await stage.refused(pull.number, DENIED, "The tenant policy lists no branch fast-lane")
    tell.tell("She points the pull request at main instead, where the real policy applies.")
    await github.retarget("mallory", pull.number, "main")
    await stage.gone(pull.number, WAITS, "lists no branch")
    tell.tell("Main's policy asks for a senior developer and a risk manager. Mallory gives up and closes it.")
    await github.close("mallory", pull.number)

    async def opened() -> list[str]:
        return [c.state for c in await stage.servicenow.changes() if "shortcut" in c.short_description]

    await until(opened, lambda states: bool(states) and set(states) == {"canceled"}, "her change to be cancelled")
    tell.good("The change request that was opened for it is cancelled in ServiceNow.")
