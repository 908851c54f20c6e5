"""A case in plain words: what the gates were told, for a reader who knows neither YAML nor Countersign.

It is told from the snapshot, so what the case left open is said too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.policy import prose_powers
from app.policy.documents import signer_names
from app.policy.judge import Judged
from app.policy.model import Case, Facts
from app.policy.prose_powers import consent_groups
from gates.model import ChangeFacts, Consent, GroupFacts, SignedDocument, Snapshot
from gates.words import SECOND, count, instant, listing, span

_SAID = {"approve": "approved", "reject": "rejected it", "hold": "put it on hold"}
_CHANGED = {
    "head": "the head",
    "revision": "the files of the release",
    "rule": "the rules",
    "base_ref": "the base branch",
}
_MANY = 50


def told(judged: Judged) -> list[str]:
    """Sentences, one for each fact."""
    snapshot, facts = judged.snapshot, judged.case.facts
    return [
        *_question(snapshot),
        *_release(snapshot, facts),
        *(_group(group, facts) for group in snapshot.groups),
        *_consents(snapshot, facts),
        *prose_powers.told(snapshot),
        *_hands(snapshot, facts),
        f"Artifacts: {listing((f'{one.name} is {one.status}' for one in snapshot.artifacts), most=_MANY)}.",
        *(_document(one, judged) for one in _documents(snapshot)),
        *_change(snapshot.change),
        *_deployment(snapshot),
    ]


def expected(case: Case) -> str:
    """The expectation as one sentence."""
    gates = [f"{gate} {status}" for gate, status in case.expect.gates.items()]
    says = [f"“{text}”" for text in case.expect.says]
    parts: list[str] = [case.expect.outcome]
    parts += [f"with the gates {listing(gates, most=_MANY)}"] if gates else []
    parts += [f"saying {listing(says, most=_MANY)}"] if says else []
    return ", ".join(parts)


def _question(snapshot: Snapshot) -> Iterator[str]:
    pull = snapshot.pull
    state = f"{pull.state}, a draft" if pull.draft else pull.state
    what = "merge" if snapshot.question == "merge" else "be deployed"
    yield f"Asked on {instant(snapshot.at)}: may this release for {snapshot.environment} {what}?"
    yield f"Pull request of {pull.repository} into {pull.base_ref}, {state}."
    if pull.seen_at != snapshot.at:
        yield f"The facts were last seen {_ago(pull.seen_at, snapshot.at)}."


def _release(snapshot: Snapshot, facts: Facts) -> Iterator[str]:
    manifest = snapshot.release.manifest
    if manifest is None:
        return
    author = facts.release.author.text if facts.release.author else "the author"
    yield (
        f"{author} proposed the {manifest.kind} {manifest.name} {manifest.version} ({snapshot.release.manifest_path}) "
        f"{_ago(snapshot.release.proposed_at, snapshot.at)}, for {listing(manifest.environments, most=_MANY)}."
    )
    if facts.release.rationale is not None:
        yield f"Its rationale: “{manifest.rationale}”."
    if (window := manifest.change.window) is not None:
        yield f"Its window is from {instant(window.start)} until {instant(window.end)}."
    if facts.release.risk is not None:
        yield f"Its author declares the risk {facts.release.risk}."
    if snapshot.release.superseded:
        yield f"It is superseded: {snapshot.release.superseded}."
    yield from _changed(snapshot, facts)


def _changed(snapshot: Snapshot, facts: Facts) -> Iterator[str]:
    """Of the pull request's own facts those that the case tells."""
    pull, said = snapshot.pull, facts.release
    if said.labels is not None:
        yield f"Labels: {listing(said.labels, most=_MANY) or 'none'}."
    if said.head_ref is not None:
        yield f"It comes from the branch {said.head_ref}."
    if said.head_since is not None and snapshot.release.head_since:
        yield f"Its head has been there since {instant(snapshot.release.head_since)}."
    if said.changed is not None or said.files is not None or said.lines is not None:
        paths = listing(pull.changed or (), most=_MANY)
        yield f"It changes {count(pull.files or 0, 'file')} and {count(pull.lines or 0, 'line')}: {paths or 'nothing'}."
    if said.unread:
        yield f"Not known of it: {listing(said.unread)}."


def _group(group: GroupFacts, facts: Facts) -> str:
    if group.problem:
        return f"Group {group.name}: cannot be read: {group.problem}."
    said = facts.groups[group.name].members if group.name in facts.groups else ()
    since = {member.login.text for member in said if member.since is not None}
    names = []
    for member in group.members:
        notes = [f"since {instant(member.since)}"] if member.name in since and member.since is not None else []
        notes += [f"added by {member.granted_by.partition(':')[2]}"] if member.granted_by else []
        notes += ["a bot"] if member.kind != "User" else []
        names.append(f"{member.name} ({', '.join(notes)})" if notes else member.name)
    return f"Group {group.name}: {listing(names, most=_MANY) or 'nobody'}."


def _consents(snapshot: Snapshot, facts: Facts) -> Iterator[str]:
    said = [*(facts.approvals or ()), *(facts.rejections or ()), *(facts.holds or ())]
    if not any(consent.decision == "approve" for consent in snapshot.consents):
        yield "Nobody approved."
    for consent, one in zip(snapshot.consents, said, strict=False):
        changed = [_CHANGED[part] for part in one.changed_since]
        told = _consent(consent, snapshot.at) + (f" Since then changed: {listing(changed)}." if changed else "")
        if one.shown is not None:
            told += f" Shown were: {listing((word.text for word in one.shown), most=_MANY) or 'no documents'}."
        if one.pushed is not None:
            told += f" A push since then changed {listing(one.pushed, most=_MANY) or 'no file'}."
        yield told
    for login, person in facts.people.items():
        if person.also:
            yield f"{login} also has the accounts {listing(person.also)}."


def _consent(consent: Consent, at: int) -> str:
    acting = consent_groups(consent)
    how = f" by {consent.way} ({consent.strength})" if consent.decision == "approve" else ""
    where = f", for {listing(consent.environments, most=_MANY)}" if consent.environments else ""
    notes = [", through an app"] if consent.via_app else []
    notes += [f", void: {consent.void}"] if consent.void else []
    notes += [f", saying: “{consent.reason}”"] if consent.reason else []
    return (
        f"{consent.name}{acting} {_SAID[consent.decision]}{how} {_ago(consent.issued_at, at)}{where}{''.join(notes)}."
    )


def _hands(snapshot: Snapshot, facts: Facts) -> Iterator[str]:
    known = [f"{said.who.text} ({said.role})" for said in facts.contributors or () if said.who is not None]
    if known:
        yield f"Others with a hand in it: {listing(known, most=_MANY)}."
    for sentence in snapshot.contributors.unknown:
        yield f"A hand in it that nobody can name: {sentence}."


def _documents(snapshot: Snapshot) -> Iterable[SignedDocument]:
    return (*((snapshot.lineage,) if snapshot.lineage else ()), *snapshot.evidence)


def _document(document: SignedDocument, judged: Judged) -> str:
    name = "Lineage" if document is judged.snapshot.lineage else f"Evidence {document.type}"
    if document.problem:
        return f"{name}: {document.problem}."
    trusted = signer_names(judged.policies)
    who = [trusted.get(key, "a stranger") for key in document.signers]
    about = "about every artifact" if document.subjects else "about no artifact"
    result = f", result {document.result}" if document.result else ""
    data = ", naming no dataset" if name == "Lineage" and not document.datasets else ""
    return f"{name}: signed by {listing(who) or 'nobody'}, {about}{result}{data}{_contents(document)}."


def _contents(document: SignedDocument) -> str:
    if document.type == "lineage":
        return ""
    fields = [f"{field.path} {field.text}" for field in document.fields]
    said = f", saying {listing(fields, most=_MANY)}" if fields else ""
    if document.findings is None:
        return f"{said}, with no list of findings"
    found = [f"{issue.id} ({issue.severity})" for issue in document.findings]
    return f"{said}, finding {listing(found, most=_MANY)}" if found else said


def _change(change: ChangeFacts | None) -> Iterator[str]:
    if change is None:
        return
    hold = ", on hold" if change.on_hold else ""
    trouble = f"; it cannot be relied on: {change.problem}" if change.problem else ""
    yield f"Change request {change.number}: {change.type}, in state {change.state}{hold}{trouble}."
    if change.start is not None and change.end is not None:
        yield f"Its window is from {instant(change.start)} until {instant(change.end)}."
    for row in change.approvals:
        doubts = [] if row.own_hand else ["not by their own hand"]
        doubts += [] if row.active else ["not active"]
        doubts += [] if row.in_group else ["not a member"]
        doubts += [] if row.person else ["linked to no person"]
        state = ", ".join([row.state, *doubts])
        yield f"In ServiceNow, {row.name} for {row.group}: {state}, {instant(row.updated_at)}."


def _deployment(snapshot: Snapshot) -> Iterator[str]:
    if snapshot.question != "deploy":
        return
    facts = snapshot.deployment
    if facts is None:
        yield "No pipeline has asked."
        return
    commit = f"a commit {'of' if facts.reachable else 'that is not on'} {snapshot.pull.base_ref}"
    same = "the approved release" if facts.revision == snapshot.release.revision else "another release"
    ours = {artifact.sha256 for artifact in snapshot.release.manifest.artifacts} if snapshot.release.manifest else set()
    bytes_ = "its artifacts" if {one.sha256 for one in facts.subjects} <= ours else "other artifacts"
    yield f"The pipeline wants to put live {commit} that holds {same}, and {bytes_}."


def _ago(moment: int, at: int) -> str:
    if moment == at:
        return "at that moment"
    return f"{span(abs(at - moment) // SECOND)} {'before' if moment < at else 'later'}"
