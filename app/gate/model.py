"""The gate's question and answer, as the API speaks them (DESIGN: POST /api/v1/decisions)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from app.decisions.replaying import Wording
from gates.model import NamedDigest, Outcome, Verdict

_Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Commit = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{40}\Z")]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]


class SubjectDigest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sha256: _Sha256


class Subject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An artifact the pipeline is about to put live."""

    name: _Name
    digest: SubjectDigest


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """May exactly these subjects, from this commit, go to this environment now?"""

    environment: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,32}\Z")]
    repository: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}\Z")]
    commit: _Commit
    subjects: Annotated[tuple[Subject, ...], msgspec.Meta(min_length=1, max_length=1000)]

    def named(self) -> tuple[NamedDigest, ...]:
        return tuple(NamedDigest(subject.name, subject.digest.sha256) for subject in self.subjects)


class ReleaseSummary(msgspec.Struct, frozen=True):
    """The release that the answer is about; empty strings where there is none."""

    id: str
    repository: str
    pull_number: int
    path: str
    name: str
    version: str
    revision: str
    trace_id: str


class Answer(msgspec.Struct, frozen=True):
    """A denial is an answer too. ``attestation`` is a DSSE envelope with an allow, else null; ``expires_at``
    (RFC 3339) is when an allow can no longer be redeemed."""

    decision: Outcome
    decision_id: str
    release: ReleaseSummary | None
    verdict: Verdict
    attestation: msgspec.Raw
    expires_at: str | None


class Explanation(msgspec.Struct, frozen=True):
    """A decision replayed from its stored snapshot. ``same`` says that what decides came out the same: outcome,
    revision, effective rule, persons, and the status of every result; ``wording`` whether its texts did too. When
    either did not, ``replayed`` is what comes out today."""

    decision: Outcome
    decision_id: str
    question: str
    environment: str
    at: str
    commit: str
    snapshot: str
    same: bool
    wording: Wording
    verdict: Verdict
    replayed: Verdict | None = None


class Redeemed(msgspec.Struct, frozen=True):
    decision_id: str
    redeemed: bool = True


class OutcomeReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    outcome: Annotated[str, msgspec.Meta(pattern=r"^(success|failure)\Z")]
