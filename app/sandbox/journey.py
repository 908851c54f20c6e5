"""The steps in which the release goes its way: approvals, change request, merge, deployment."""

from __future__ import annotations

from pathlib import Path

import msgspec

from app.sandbox import documents
from app.sandbox.outsiders import Change, Pull
from app.sandbox.refusals import WAITS, answered
from app.sandbox.shell import Done
from app.sandbox.stage import Stage
from app.sandbox.waiting import StoryError, next_second, until
from manifests import canonical


class _Link(msgspec.Struct, frozen=True):
    id: str
    state: str


async def links(stage: Stage) -> None:
    """Two administrators, because nobody can both claim and confirm who somebody is."""
    tell = stage.tell
    tell.chapter("Two administrators say who Erin and Frank are")
    tell.tell(
        "Accounts in ServiceNow count for nobody until one administrator has linked them to a person and another has "
        "confirmed it. Each has a token of their own, made on the server: two that were made with the same token "
        "would count as one person's."
    )
    first, second = stage.stewards
    stage.pipeline = await token(
        stage, "release pipeline", "gate.decide", "gate.redeem", "gate.report", "release.read",
        repository=stage.github.repository,
    )  # fmt: skip
    for name in ("erin", "frank"):
        tell.command(("countersign", "people", "link", f"servicenow:{name}"))
        out = await stage.run("people", "link", f"servicenow:{name}", token=first)
        proposed = msgspec.json.decode(out, type=_Link)
        tell.command(("countersign", "people", "confirm", proposed.id))
        out = await stage.run("people", "confirm", proposed.id, token=second)
        confirmed = msgspec.json.decode(out, type=_Link)
        if confirmed.state != "linked":
            raise StoryError(f"expected {name}'s account to be linked, found {confirmed}")
        tell.good(f"{name.title()}'s ServiceNow account now belongs to a person.")


async def adoption(stage: Stage) -> None:
    tell, sha256 = stage.tell, canonical.sha256_hex(stage.has.policy)
    tell.tell("They have both read the policy of the repository. It counts once both say so, for just these bytes:")
    words = ("policy", "adopt", stage.github.repository, "--sha256", sha256, "--yes")
    tell.command(("countersign", *words))
    for steward, code in zip(stage.stewards, (1, 0), strict=True):
        done = await stage.shell.countersign(*words, token=steward)
        tell.quote(done.lines[-1:])
        if done.code != code:
            raise StoryError(f"expected exit {code} of `countersign policy adopt`, found {done}")


async def token(stage: Stage, name: str, *permissions: str, repository: str = "") -> str:
    words = ["tokens", "create", name]
    for permission in permissions:
        words += ["--permission", permission]
    words += ["--repository", repository] if repository else []
    return (await stage.run(*words, token=stage.admin)).strip()


async def approvals(stage: Stage, number: int) -> None:
    tell = stage.tell
    tell.chapter("Bob and Carol approve the release as it is now")
    line = await stage.asked_to_paste(number)
    tell.tell("Bob, a senior developer, reads the evidence and pastes the new line:")
    tell.quote([line])
    await stage.github.comment("bob", number, line)
    await stage.check(number, WAITS, "Filled by bob")
    tell.tell("Carol, a risk manager, approves with an ordinary GitHub review.")
    await next_second(stage.clock)
    await stage.github.review("carol", number, "APPROVED")
    check = await stage.gone(number, WAITS, "approval does not count")
    tell.says(
        "Countersign's check says", [line.strip("- ") for line in check.text.splitlines() if "Every seat" in line]
    )


async def change_request(stage: Stage, number: int) -> str:
    """The approvals in ServiceNow; the change's number."""
    tell, servicenow = stage.tell, stage.servicenow
    tell.chapter("Erin and Frank approve the change in ServiceNow")
    change = await _asking(stage, "erin")
    tell.tell(
        f"Countersign opened {change.number} with plans, window and evidence, and kept it in step with every push: "
        "each older content was cancelled with its approvals."
    )
    tell.link("Change request", servicenow.page(change.number))
    check = await stage.check(number, WAITS, change.number, "0 of 2 approvals needed in ServiceNow")
    tell.says("Countersign's check says", [check.title or ""])
    for name, group in (("erin", "Change Management"), ("frank", "the change advisory board")):
        await _asking(stage, name)
        await next_second(stage.clock)
        await servicenow.approve(name, change.number)
        tell.tell(f"{name.title()} approves for {group}.")
    check = await stage.check(number, "success")
    tell.good(f"The check is green: {check.title}")
    return change.number


async def _asking(stage: Stage, who: str) -> Change:
    """The open change that asks this person."""

    async def read() -> list[Change]:
        return [
            change
            for change in await stage.servicenow.changes()
            if any(row.approver == who and row.state == "requested" for row in change.approvals)
            and change.state in ("assess", "authorize")
        ]

    return (await until(read, lambda found: len(found) == 1, f"one change that asks {who} for approval"))[0]


async def merge(stage: Stage, number: int) -> str:
    """The squash commit."""
    stage.tell.chapter("Bob merges")
    commit = await stage.github.merge("bob", number)
    stage.tell.tell(
        f"He squashes: commit {commit} is another one than was approved, but it holds the approved revision."
    )
    return commit


async def deployment(stage: Stage, commit: str) -> str:
    """Asked with other bytes, then with the right ones; the decision that was redeemed."""
    tell = stage.tell
    tell.chapter("The pipeline deploys")
    _put(stage, stage.has.retrained)
    tell.tell("First with other bytes than were approved, under the right name:")
    done = await stage.gate(commit)
    if done.code != 1 or "deny" not in done.out:
        raise StoryError(f"expected the gate to refuse other bytes with exit code 1, found {done}")
    tell.refused(f"exit code {done.code}. Other bytes are not deployed.")
    _put(stage, stage.has.files[documents.MODEL])
    tell.tell("The workflow that the tenant policy lists starts on main; GitHub asks Countersign's protection rule.")
    run = await answered(stage, await stage.github.deploy("bob", "production", "main"))
    if run.answers[-1].state != "approved":
        raise StoryError(f"expected the protection rule to be approved, found {run.answers}")
    tell.says("The protection rule's answer on GitHub", [f"{run.answers[-1].state}: {run.answers[-1].comment}"])
    tell.tell("Its job asks the gate about the very bytes that it is going to put live, and redeems the answer:")
    done = await stage.gate(commit, "--wait", "30s", "--redeem", "--vsa", "vsa.json")
    if done.code != 0:
        raise StoryError(f"expected the gate to allow the approved bytes, found {done}")
    tell.good(f"exit code {done.code}. The signed verification summary is in vsa.json.")
    return _decision(done)


async def again(stage: Stage, decision: str) -> None:
    """An answer is for one deployment."""
    tell = stage.tell
    tell.tell("A second job tries to use the same answer:")
    tell.command(("countersign", "gate", "redeem", decision))
    done = await stage.shell.countersign("gate", "redeem", decision, token=stage.pipeline)
    tell.quote(done.lines)
    if done.code != 1:
        raise StoryError(f"expected a second redemption to be refused with exit code 1, found {done}")
    tell.refused(f"exit code {done.code}.")


async def outcome(stage: Stage, decision: str, number: str) -> Change:
    tell = stage.tell
    tell.chapter("The deployment succeeds, the change is closed with it")
    tell.command(("countersign", "gate", "report", decision, "--outcome", "success"))
    await stage.run("gate", "report", decision, "--outcome", "success", token=stage.pipeline)
    change = await until(
        lambda: stage.servicenow.change(number), lambda change: change.state == "closed", f"{number} to be closed"
    )
    tell.good(f"{number} is {change.state} as {change.close_code}: {change.close_notes}")
    return change


def _put(stage: Stage, data: bytes) -> None:
    Path(stage.has.folder, "policy.json").write_bytes(data)


def _decision(done: Done) -> str:
    """The id in the answer's first line: ``✓ allow  decision <id>``."""
    words = done.out.split()
    if "decision" not in words[:-1]:
        raise StoryError(f"expected the gate to print the decision's id, found {done}")
    return words[words.index("decision") + 1]


async def ended(stage: Stage, number: int, change: Change) -> None:
    """What has to be so when everything is over. Raises StoryError with the first that is not."""
    pull: Pull = await stage.github.pull(number)
    changes = await stage.servicenow.changes()
    open_ones = [one.number for one in changes if one.state not in ("closed", "canceled")]
    closed = [one.number for one in changes if one.state == "closed"]
    rows = {row.approver: row.state for row in change.approvals}
    expectations = {
        "the pull request to be merged": (pull.state, "merged"),
        "exactly one comment by Countersign": (len(pull.ours), 1),
        "the check on the approved head to be green": (pull.check and pull.check.conclusion, "success"),
        "one change to be closed": (closed, [change.number]),
        "no change to be left open": (open_ones, []),
        "the change to be closed as successful": (change.close_code, "successful"),
        "both approvals in ServiceNow to stand": (rows, {"erin": "approved", "frank": "approved"}),
    }
    for what, (found, expected) in expectations.items():
        if found != expected:
            raise StoryError(f"expected {what}: {expected}, found {found}")
