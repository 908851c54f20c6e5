"""Whose signatures count: the keys that verification was given, and those that the log's own records lead to.

While a log is read, every key that its records name is taken for what they say, each for its own sizes. Only at the
end, when it is known which signed roots are the tree's, is it told which of these keys the given ones lead to
(``manifests.key_history.believed``); a checkpoint that only others signed is then reported.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from app.verification.port import Source
from app.verification.report import Finding, finding
from manifests import key_history, record
from manifests.errors import ManifestError
from manifests.key_history import KeyHistory, Period, Signed
from manifests.keys import PublicKey
from manifests.note import VerifierKey

Key = VerifierKey | PublicKey


class Trust(msgspec.Struct, frozen=True):
    """``history`` is what the log's records tell of its keys, ``given`` are those that are trusted from elsewhere."""

    history: KeyHistory
    given: tuple[PublicKey, ...]

    @property
    def origin(self) -> str:
        """The log's name in its checkpoints."""
        return self.history.origin

    def told_at(self) -> list[int]:
        """The numbers of the records that name keys."""
        return [period.named_at for period in self.history.periods if period.named_at != key_history.GIVEN]

    def believed(self, signed: Sequence[Signed]) -> frozenset[str]:
        """The fingerprints of the keys to be believed, after roots were found right and their signers known."""
        return key_history.believed(self.history, self.given, signed)


async def trust_of(
    source: Source, log: str, keys: Sequence[Key], claimed: str, findings: list[Finding]
) -> tuple[str, Trust | None]:
    """The name that the log signs with, and whose signatures count; None without any key.

    A named key settles the name; else it is what a checkpoint claims, if that ends like the log's name.
    """
    named = [key for key in keys if isinstance(key, VerifierKey) and key.name.rpartition("/")[2] == log]
    origin = named[0].name if named else claimed if claimed.rpartition("/")[2] == log else log
    given = [key.key for key in named if key.name == origin] + [key for key in keys if isinstance(key, PublicKey)]
    if not given:
        return origin, None
    try:
        history = key_history.read(origin, given, _parsed(await source.key_records(log)))
    except ManifestError as error:
        findings.append(finding("audit.key_history", log, None, f"log {log}: {error.problems[0].message}"))
        history = KeyHistory(origin, tuple(Period(key, 0) for key in given))
    return origin, Trust(history, tuple(given))


def _parsed(bodies: Sequence[bytes]) -> list[record.Record]:
    """Those that cannot be read are reported where all records are."""
    found = []
    for body in bodies:
        try:
            found.append(record.parse(body))
        except ManifestError:
            continue
    return found
