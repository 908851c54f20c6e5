"""The story of one release, from pull request to closed change, told while it happens."""

from __future__ import annotations

from app.sandbox import auditor, documents, journey, refusals
from app.sandbox.auditor import Archive
from app.sandbox.stage import Belongings, Stage
from app.sandbox.world import World


def belongings(world: World) -> Belongings:
    """Everything is made on the spot: dataset, models, signed lineage, signed back-tests, policies."""
    folder = world.folder / "pipeline"
    folder.mkdir()
    files = world.release_files()
    (folder / "policy.json").write_bytes(files[documents.MODEL])
    return Belongings(
        folder=folder,
        files=files,
        signed_by_alice=documents.back_test(documents.train(), world.alice),
        retrained=documents.train(shift=0.5).model,
        lax_policy=documents.lax_policy(),
        shortcut=world.release_files("0.0.1", shift=0.25, folder="releases/shortcut", name="shortcut"),
        policy=world.policy,
    )


async def play(stage: Stage, archive: Archive) -> None:
    """Every step in order. Raises StoryError with the expectation that failed."""
    await journey.links(stage)
    await journey.adoption(stage)
    number = await refusals.own_evidence(stage)
    await refusals.altered_artifact(stage, number)
    await refusals.unapproved_deployment(stage, number)
    await refusals.own_approval(stage, number)
    await refusals.one_for_both(stage, number)
    await refusals.push_after_approval(stage, number)
    await refusals.lax_policy(stage)
    await journey.approvals(stage, number)
    change = await journey.change_request(stage, number)
    commit = await journey.merge(stage, number)
    decision = await journey.deployment(stage, commit)
    await journey.again(stage, decision)
    closed = await journey.outcome(stage, decision, change)
    await auditor.asks(stage, decision, archive)
    await journey.ended(stage, number, closed)
