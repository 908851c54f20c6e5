"""What every step of the story needs: the people, the command line, and a way to see what Countersign answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from app.sandbox.outsiders import Check, InServiceNow, OnGitHub, Pull
from app.sandbox.shell import Done, Shell
from app.sandbox.telling import Teller
from app.sandbox.waiting import StoryError, until

BRANCH = "release-3.2.0"


class Belongings(msgspec.Struct, frozen=True):
    """What the people of the story made before it begins. ``folder`` is where the pipeline keeps its files."""

    folder: Path
    files: Mapping[str, bytes]
    signed_by_alice: bytes
    retrained: bytes
    lax_policy: bytes
    shortcut: Mapping[str, bytes]
    policy: bytes


class Stage:
    """``tell`` is how it is told; ``clock`` is microseconds since 1970 UTC."""

    def __init__(
        self, tell: Teller, github: OnGitHub, servicenow: InServiceNow, shell: Shell, belongings: Belongings,
        admin: str, stewards: tuple[str, str], clock: Callable[[], int],
    ) -> None:  # fmt: skip
        self.tell = tell
        self.github = github
        self.servicenow = servicenow
        self.shell = shell
        self.has = belongings
        self.admin = admin
        self.stewards = stewards
        self.clock = clock
        self.pipeline = ""

    async def check(self, number: int, conclusion: str, *fragments: str) -> Check:
        """Countersign's check run on the head, once it concludes so and says all this."""

        async def read() -> Check | None:
            return (await self.github.pull(number)).check

        def good(check: Check | None) -> bool:
            return check is not None and check.says(conclusion, fragments)

        said = "".join(f" saying {one!r}" for one in fragments)
        found = await until(read, good, f"the check of pull request #{number} to be {conclusion}{said}")
        assert found is not None
        return found

    async def refused(self, number: int, conclusion: str, *fragments: str) -> Check:
        """The check as a refusal, told with its own words: title, and the lines with these fragments."""
        check = await self.check(number, conclusion, *fragments)
        self.tell.refused(f"the check is {conclusion}, {check.title!r}, and says")
        self.tell.quote(_about(check, fragments))
        return check

    async def gone(self, number: int, conclusion: str, fragment: str) -> Check:
        """The check once it no longer says so."""

        async def read() -> Check | None:
            return (await self.github.pull(number)).check

        def good(check: Check | None) -> bool:
            return check is not None and check.says(conclusion, ()) and fragment not in "\n".join(check.reasons())

        check = await until(read, good, f"the check of #{number} to be {conclusion} without {fragment!r}")
        assert check is not None
        self.tell.good(f"That refusal is gone. The check says now: {check.title}")
        return check

    async def asked_to_paste(self, number: int) -> str:
        """The line from Countersign's comment, once it is about the present head."""

        async def read() -> Pull:
            return await self.github.pull(number)

        pull = await until(read, lambda pull: pull.head_sha in pull.line_to_paste(), "the line to paste")
        return pull.line_to_paste()

    async def gate(self, commit: str, *more: str, file: str = "policy.json") -> Done:
        """The pipeline asks; told as it would be typed."""
        words = (
            "gate", "check", "--environment", "production", "--file", file, "--commit", commit,
            "--repository", self.github.repository, *more,
        )  # fmt: skip
        self.tell.command(("countersign", *words))
        done = await self.shell.countersign(*words, token=self.pipeline)
        self.tell.quote(in_short(done))
        return done

    async def run(self, *words: str, token: str = "") -> str:
        """A command that has to work; what it printed."""
        done = await self.shell.countersign(*words, token=token)
        if done.code:
            raise StoryError(f"expected `countersign {' '.join(words)}` to work, found exit {done.code}: {done.err}")
        return done.out


def _about(check: Check, fragments: tuple[str, ...]) -> list[str]:
    """The lines with these fragments, innermost only, and the remedy that follows each."""
    lines = [line.strip() for line in check.reasons()]
    found: dict[str, list[str]] = {}
    for place, line in enumerate(lines):
        if any(fragment in line for fragment in fragments):
            sentence = line.partition(": ")[2]
            remedy = [line for line in lines[place + 1 : place + 2] if line.startswith("→")]
            found[sentence] = [line, *(f"  {one}" for one in remedy)]
    return [line for part in found.values() for line in part] or lines


def in_short(done: Done) -> list[str]:
    """Of the gate's answer: what does not hold, or of an allow the gates alone. The whole tree is in the console.

    What stands above says no line again, and no remedy is told twice.
    """
    shown: list[str] = []
    above: dict[int, str] = {}
    for line in done.lines:
        bare = line.strip()
        depth = len(line) - len(line.lstrip())
        if (done.code == 0 and depth > 2) or (done.code != 0 and bare.startswith("✓")):
            continue
        remedy = bare.startswith("→")
        sentence = bare if depth == 0 or remedy else bare.partition(": ")[2] or bare
        above = {one: said for one, said in above.items() if one < depth}
        if sentence in above.values() or (remedy and any(one.strip() == bare for one in shown)):
            continue
        above[depth] = sentence
        shown.append(line)
    return shown
