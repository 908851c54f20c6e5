"""The checks of other Apps at a commit, remembered for some seconds."""

from __future__ import annotations

from app.clock import Clock
from app.facts.fresh import FreshCache
from app.pulls.store import Repository
from gates.model import CheckFacts, ChecksFacts
from integrations.errors import NeighbourError, RateLimitedError, UnavailableError
from integrations.github.port import GitHub, OtherCheck

CHECKS_AGE_S = 15


class Checks:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._cache: FreshCache[tuple[OtherCheck, ...]] = FreshCache(clock, CHECKS_AGE_S)

    def forget(self, repository_id: int, sha: str) -> None:
        """Something was reported of this commit."""
        self._cache.forget((repository_id, sha))

    async def read(self, github: GitHub, repository: Repository, sha: str) -> ChecksFacts:
        """What GitHub refuses is a ``problem``. Raises RateLimitedError and UnavailableError."""
        asked_at = self._clock()
        try:
            seen = await self._cache.read((repository.id, sha), lambda: github.other_checks(repository.name, sha))
        except (RateLimitedError, UnavailableError):
            raise
        except NeighbourError as error:
            return ChecksFacts(seen_at=asked_at, problem=str(error))
        found = tuple(CheckFacts(check.name, check.app, sha, check.conclusion) for check in seen.value)
        return ChecksFacts(found, seen.at)
