"""The auditor's chapter: why it was allowed, that the log is whole, and that no word of ours is needed for that."""

from __future__ import annotations

from pathlib import Path

import msgspec

from app.sandbox.shell import Done
from app.sandbox.stage import Stage, in_short
from app.sandbox.waiting import StoryError, until


class Archive(msgspec.Struct, frozen=True):
    """Where a log lies: the ``database``'s address, the server's public ``key`` that signs it, the tenant's ``log``,
    and the folder of ``copies`` outside the database."""

    database: str
    key: str
    log: str
    copies: Path


async def asks(stage: Stage, decision: str, archive: Archive) -> None:
    """Raises StoryError with the first thing that does not hold."""
    stage.tell.chapter("The auditor asks why, and whether the log was touched")
    await _why(stage, decision)
    await _whole(stage, archive, (await _outside(archive, "checkpoint"))[-1])
    await _without_us(stage, archive)
    await _copies(stage, archive)


async def _why(stage: Stage, decision: str) -> None:
    tell = stage.tell
    tell.command(("countersign", "explain", decision))
    done = await stage.shell.countersign("explain", decision, token=stage.pipeline)
    tell.quote(in_short(done))
    _held(done, "the decision to replay the same")


async def _outside(archive: Archive, kind: str) -> list[Path]:
    """The log's objects of this kind that lie outside the database, oldest first, once there are any."""
    folder = archive.copies / archive.log / kind

    async def read() -> list[Path]:
        return sorted(folder.iterdir()) if folder.is_dir() else []

    return await until(read, bool, f"a {kind} of log {archive.log} in {archive.copies}")


async def _whole(stage: Stage, archive: Archive, anchor: Path) -> None:
    tell = stage.tell
    tell.tell("Every record, link, signature and file is read again, and held against a checkpoint from outside:")
    words = (
        "audit", "verify", "--database", archive.database, "--key", archive.key, "--checkpoint", str(anchor),
        "--thorough",
    )  # fmt: skip
    tell.command(("countersign", *words))
    done = await stage.shell.countersign(*words)
    tell.quote(done.lines)
    _held(done, "the audit log to verify")
    tell.good("Every record is where it was written, and what it was.")


async def _without_us(stage: Stage, archive: Archive) -> None:
    tell = stage.tell
    tell.tell(
        "Whoever does not trust Countersign takes the log along. The export checks itself with Python's standard "
        "library; its README.md has the same with OpenSSL and Go."
    )
    words = (
        "audit", "export", "--log", archive.log, "--to", "export", "--database", archive.database, "--key", archive.key,
    )  # fmt: skip
    tell.command(("countersign", *words))
    done = await stage.shell.countersign(*words)
    tell.quote(done.lines)
    _held(done, "the log to be exported")
    tell.command(("python3", "-I", "export/verify.py", "export"))
    done = await stage.shell.python("-I", "export/verify.py", "export")
    tell.quote(done.lines)
    _held(done, "the export to verify with its own verify.py")
    tell.good("The records lead to the signed root. Nothing of Countersign had to be installed to see it.")


async def _copies(stage: Stage, archive: Archive) -> None:
    segments, anchors = [len(await _outside(archive, kind)) for kind in ("segment", "checkpoint")]
    stage.tell.tell(
        f"Copies lie outside the database in {archive.copies}: segments of the log (so far: {segments}) "
        f"and its signed checkpoints ({anchors}). Here that is a folder; in earnest it is a locked bucket, or Kafka."
    )


def _held(done: Done, what: str) -> None:
    if done.code != 0:
        raise StoryError(f"expected {what}, found {done}")
