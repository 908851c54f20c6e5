"""The snapshot that a case describes. What the case leaves open is in order, except that nobody has consented."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from app.facts.calendar import calendar
from app.policy.around import checks_of, reporting_of, retrospectives_of
from app.policy.consents import consents_of, contributors_of, pushes_of
from app.policy.documents import documents_of, references
from app.policy.groups import groups_of
from app.policy.model import DEFAULT_AT, SECOND, ArtifactSaid, Facts, ReleaseSaid, Time, WindowSaid
from app.policy.people import People
from app.policy.service import change_of, deployment_of
from gates.model import ArtifactFacts, LogFacts, Policies, PullFacts, ReleaseFacts, Snapshot
from gates.rule import effective_rule
from gates.terms import EffectiveRule
from manifests.policy import POLICY_PATH, BaseRefs, Policy, TenantPolicy
from manifests.release import SCHEMA, Artifact, ChangePlan, Release, Window

HEAD = "a1" * 20
HEAD_REF = "release"
COMMIT = "b2" * 20
PROPOSED = Time(-7 * 86_400)
RATIONALE = "A release made up for this test, with a rationale that says enough to be read."


def prepare(facts: Facts, policy: Policy, tenant: TenantPolicy | None) -> tuple[Policies, Snapshot]:
    """Both arguments of `gates.decide`. Without a tenant policy, one that lists the case's own base ref."""
    at = DEFAULT_AT if facts.at is None else facts.at
    seen = at if facts.seen is None else facts.seen.at(at)
    question = facts.question or "merge"
    environment = facts.environment or _environments(facts)[0]
    release = _release(facts, at)
    pull = _pull(facts, tenant, release, seen)
    tenant = tenant or TenantPolicy("", base_refs=(BaseRefs(pull.repository, (pull.base_ref,)),), installations=(1,))
    policies = Policies(tenant, policy, COMMIT, seen_at=seen)
    people = People(facts)
    hands = contributors_of(facts, people, seen)
    known = groups_of(facts, people, policies, None, release.proposed_at, at, seen)
    found = effective_rule(policies, release, pull, environment, groups=known, requesters=hands.known)
    rule = found if isinstance(found, EffectiveRule) else None
    release = _completed(release, facts, rule)
    groups = groups_of(facts, people, policies, rule, release.proposed_at, at, seen)
    named = release.manifest.artifacts if release.manifest else ()
    lineage, evidence = documents_of(facts, policies, people, rule, release)
    bare = Snapshot(
        at=at, question=question, environment=environment, tenant="test", pull=pull, release=release,
        contributors=hands, groups=groups,
        artifacts=tuple(map(_found, _artifacts(facts), named)), lineage=lineage, evidence=evidence,
        change=change_of(facts, people, rule, at, seen),
        log=LogFacts(last_at=at - SECOND),
        calendar=calendar(policies, rule, environment, at),
        checks=checks_of(facts, rule, pull.head_sha, seen),
        reporting=reporting_of(facts, people, rule, groups, seen),
        retrospectives=retrospectives_of(facts, environment, at),
    )  # fmt: skip
    consents = consents_of(facts, people, policies, bare, rule)
    return policies, msgspec.structs.replace(
        bare,
        consents=consents,
        pushes=pushes_of(facts, consents, pull.head_sha),
        deployment=deployment_of(facts, bare, COMMIT),
    )


def digest(text: str) -> str:
    """A SHA-256 that stands for the bytes of something by its name."""
    return hashlib.sha256(text.encode()).hexdigest()


def _is_policy(said: ReleaseSaid) -> bool:
    return said.kind == "policy"


def _environments(facts: Facts) -> tuple[str, ...]:
    default = "policy" if _is_policy(facts.release) else "production"
    return facts.release.environments or (facts.environment or default,)


def _pull(facts: Facts, tenant: TenantPolicy | None, release: ReleaseFacts, seen: int) -> PullFacts:
    said = facts.release
    listed = tenant.base_refs[0] if tenant and tenant.base_refs else BaseRefs("acme/example", ("main",))
    merged = facts.question == "deploy"
    return PullFacts(
        repository_id=1,
        repository=said.repository or listed.repository.replace("*", "example"),
        number=1,
        state=said.state or ("merged" if merged else "open"),
        draft=bool(said.draft),
        base_ref=said.base_ref or listed.refs[0],
        head_sha=HEAD,
        seen_at=seen,
        **_changes(said, release.manifest_path),
    )


def _changes(said: ReleaseSaid, path: str) -> dict[str, Any]:
    """What the pull request changes, and where it comes from: a line of the manifest, by default."""
    changed = (path,) if said.changed is None else said.changed
    known: dict[str, Any] = {
        "labels": said.labels or (),
        "changed": changed,
        "files": len(changed) if said.files is None else said.files,
        "lines": len(changed) if said.lines is None else said.lines,
        "head_ref": said.head_ref or HEAD_REF,
    }
    return {name: None if name in (said.unread or ()) else value for name, value in known.items()}


def _release(facts: Facts, at: int) -> ReleaseFacts:
    said = facts.release
    name = said.name or ("countersign-policy" if _is_policy(said) else "example")
    manifest = Release(
        schema=SCHEMA,
        kind=said.kind or "model",
        name=name,
        version=said.version or "1.0.0",
        rationale=RATIONALE if said.rationale is None else said.rationale,
        environments=_environments(facts),
        artifacts=tuple(Artifact(one.name, digest(one.name), path=one.name) for one in _artifacts(facts)),
        change=ChangePlan(risk=said.risk),
    )
    path = said.path or (POLICY_PATH if _is_policy(said) else f"releases/{name}/release.yaml")
    proposed = (said.proposed or PROPOSED).at(at)
    since = (
        0 if "head_since" in (said.unread or ()) else proposed if said.head_since is None else said.head_since.at(at)
    )
    return ReleaseFacts(
        path, manifest, digest("revision"), proposed, superseded=said.superseded or "", head_since=since
    )


def _completed(release: ReleaseFacts, facts: Facts, rule: EffectiveRule | None) -> ReleaseFacts:
    """With the documents and the change that the manifest names, which the rule may ask for."""
    assert release.manifest is not None
    lineage, evidence = references(facts, rule)
    asked = rule.change.type if rule and rule.change else "normal"
    window = _window(facts.release.window, DEFAULT_AT if facts.at is None else facts.at)
    manifest = msgspec.structs.replace(
        release.manifest, lineage=lineage, evidence=evidence, change=ChangePlan(asked, window, risk=facts.release.risk)
    )
    return msgspec.structs.replace(release, manifest=manifest)


def _window(said: WindowSaid | None, at: int) -> Window | None:
    return None if said is None else Window(said.start.at(at), said.end.at(at))


def _artifacts(facts: Facts) -> Sequence[ArtifactSaid]:
    if facts.artifacts is not None:
        return facts.artifacts
    return (ArtifactSaid("countersign.yaml" if _is_policy(facts.release) else "model.bin"),)


def _found(said: ArtifactSaid, artifact: Artifact) -> ArtifactFacts:
    if said.state == "present":
        return ArtifactFacts(said.name, "present", "repository", artifact.sha256)
    if said.state == "mismatch":
        return ArtifactFacts(said.name, "mismatch", "repository", digest(f"another {said.name}"))
    return ArtifactFacts(said.name, said.state)
