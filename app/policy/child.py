"""A proposed policy is read and tried in a process of its own, `python -m app.policy.child`: whoever can open a pull
request can write one that takes minutes, and the service's own interpreter has everybody else to serve."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import sys
import time

import msgspec

from app.policy import trial
from app.policy.difference import differences
from manifests.errors import ManifestError, Problem
from manifests.policy import POLICY_PATH, Policy, TenantPolicy
from manifests.policy_parser import parse_policy

AT_ONCE = 2
"""How many are tried at once; the others wait."""
PATIENCE = 3
"""On a busy machine a second of computing takes longer than a second."""
MAX_MEMORY = 2 << 30
NICE = 10
_ELSEWHERE = ("policy.include_missing", "policy.include_altered")
_SHORTEN = "Have fewer and simpler tests, recurrences and included files."


class Proposed(msgspec.Struct, frozen=True):
    """The bytes of a policy, of what it includes (by SHA-256) and of its tests (by path), beside the policy that
    counts. ``seconds`` of computing are for its tests, half as many more for everything else."""

    text: bytes
    included: dict[str, bytes]
    tests: dict[str, bytes]
    tenant: TenantPolicy
    counting: Policy | None
    repository: str
    base_ref: str
    seconds: float


class Tried(msgspec.Struct, frozen=True):
    """What was found; ``lasting`` tells that the same bytes would come out the same the next time."""

    problems: tuple[Problem, ...] = ()
    changes: tuple[str, ...] = ()
    files: int = 0
    cases: int = 0
    lasting: bool = True


class Trying:
    """Tries policies, a few at once."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, proposed: Proposed) -> Tried:
        """Never raises for what is proposed: what takes too long or breaks is a problem of its own."""
        async with self._free:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "app.policy.child",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            try:
                async with asyncio.timeout(_most(proposed.seconds) * PATIENCE):
                    out, errors = await process.communicate(msgspec.json.encode(proposed))
            except TimeoutError:
                return _too_slow(proposed.seconds, lasting=False)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode == 0:
            return msgspec.json.decode(out, type=Tried)
        if process.returncode is not None and process.returncode < 0:
            return _too_slow(proposed.seconds, lasting=True)
        said = errors.decode(errors="replace").strip().rpartition("\n")[2][:200]
        return _failed("policy.untried", f"The policy could not be tried: {said}.", lasting=False)


def main() -> int:
    proposed = msgspec.json.decode(sys.stdin.buffer.read(), type=Proposed)
    os.nice(NICE)
    seconds = int(_most(proposed.seconds)) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    sys.stdout.buffer.write(msgspec.json.encode(tried(proposed)))
    return 0


def tried(proposed: Proposed) -> Tried:
    """Is it sound, what does it change, do its tests come out as expected."""
    try:
        policy = parse_policy(proposed.text, POLICY_PATH, proposed.tenant.groups, proposed.included)
    except ManifestError as error:
        # What is included may be put there yet, where it belongs.
        lasting = not any(one.code in _ELSEWHERE for one in error.problems)
        return Tried(error.problems, lasting=lasting)
    end = time.process_time() + proposed.seconds
    found = trial.run(
        proposed.tests, policy, proposed.tenant, lambda: time.process_time() < end, proposed.repository,
        proposed.base_ref,
    )  # fmt: skip
    return Tried(found.problems, differences(proposed.counting, policy), found.files, found.cases)


def _most(seconds: float) -> float:
    return seconds * 1.5


def _too_slow(seconds: float, *, lasting: bool) -> Tried:
    message = f"The policy was not read, and its tests not decided, within {_most(seconds):g} s of computing."
    return _failed("policy.tests_too_slow", message, lasting=lasting)


def _failed(code: str, message: str, *, lasting: bool) -> Tried:
    return Tried((Problem(code, message, _SHORTEN, POLICY_PATH),), lasting=lasting)


if __name__ == "__main__":
    sys.exit(main())
