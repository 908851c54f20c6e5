"""Whether a statement is a human's valid word, and binds exactly what is asked about (THREATS 1, 4 and 9)."""

from __future__ import annotations

import msgspec

from gates.kept import voiding
from gates.model import Consent, Snapshot
from gates.terms import EffectiveRule
from gates.words import listing, short


def withdrawn(consent: Consent) -> str:
    """Why the statement is not a human's valid word; its own record is judged by the gate as a whole."""
    if consent.difference:
        return "its record does not bear it out"
    if consent.void:
        return f"it is void: {consent.void}"
    if consent.kind != "User" or consent.via_app:
        return "it was not made by a human's own hand"
    if not consent.person or not consent.account:
        return "the account is not linked to a known person"
    return ""


def elsewhere(consent: Consent, snapshot: Snapshot, rule: EffectiveRule) -> str:
    """Why the statement binds something other than the head, release and rule that are asked about."""
    return Binding(snapshot, msgspec.structs.replace(rule, keep=None)).broken(consent)


class Binding:
    """What every approval has to bind, found once for all of them. Those of an earlier head may be kept."""

    def __init__(self, snapshot: Snapshot, rule: EffectiveRule) -> None:
        self._snapshot, self._rule = snapshot, rule
        manifest = snapshot.release.manifest
        self._artifacts = manifest.artifacts_for(snapshot.environment) if manifest is not None else ()
        self._digests = frozenset(artifact.sha256 for artifact in self._artifacts)
        self._heads: dict[str, str] = {snapshot.pull.head_sha: ""} if snapshot.pull.head_sha else {}

    def broken(self, consent: Consent) -> str:
        """Why the statement binds something other than what is asked about; empty where it binds exactly that."""
        pull, release = self._snapshot.pull, self._snapshot.release
        if (
            consent.repository_id != pull.repository_id
            or consent.pull_number != pull.number
            or consent.manifest_path != release.manifest_path
        ):
            return "it was given for another release"
        if why := self._head(consent.head_sha):
            return why
        if consent.base_ref != pull.base_ref:
            return f"it was given for merging into {consent.base_ref}, and the base is now {pull.base_ref}"
        if consent.revision != release.revision or not release.revision:
            return "the files of the release have changed since"
        if consent.effective_rule != self._rule.digest:
            return "the rules that apply have changed since"
        if self._snapshot.environment not in consent.environments:
            named = listing(sorted(consent.environments)) or "no environment"
            return f"it was given for {named}, not for {self._snapshot.environment}"
        return "" if self._digests.issubset(consent.artifacts) else self._unnamed(consent)

    def _head(self, head: str) -> str:
        if head not in self._heads:
            self._heads[head] = voiding(head, self._snapshot, self._rule)
        return self._heads[head]

    def _unnamed(self, consent: Consent) -> str:
        artifact = next(a for a in self._artifacts if a.sha256 not in consent.artifacts)
        return f"it does not name the artifact {artifact.name} ({short(artifact.sha256)})"
