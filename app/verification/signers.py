"""Who may sign a log's checkpoints: the one place that verification asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from manifests.note import VerifierKey


class Signers(Protocol):
    """manifests.key_history.KeyHistory is one."""

    @property
    def origin(self) -> str:
        """The log's name in its checkpoints."""
        ...

    def acceptable(self, size: int) -> Sequence[VerifierKey]:
        """The keys whose signature over the checkpoint of this size counts; none when nobody's does."""
        ...


class Always(msgspec.Struct, frozen=True):
    """Keys that may sign every size."""

    origin: str
    keys: tuple[VerifierKey, ...]

    def acceptable(self, size: int) -> Sequence[VerifierKey]:
        return self.keys
