"""Everything that one evaluation changes, in one transaction: facts, grants, verdicts, records, wishes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from app.blobs.store import BlobStore
from app.changes import store as changes
from app.changes.store import StoredChange
from app.changes.wanted import wanted_change
from app.clock import NewId
from app.consents.recording import Recorder
from app.db.tx import Tx
from app.decisions import snapshots
from app.decisions import store as decisions
from app.decisions.snapshots import SnapshotEncoder
from app.decisions.store import StoredDecision
from app.effects import store as effects
from app.inbox import store as inbox
from app.privacy import names
from app.pulls import store, wishes
from app.pulls.model import Evaluation
from app.pulls.observe import actor
from app.pulls.situation import Void
from app.pulls.watches import encode
from app.pulls.watching import watches
from app.pulls.wishes import CommentWish, Wish
from app.rebuild import artifacts, contributors, heads
from app.rebuild.artifacts import ArtifactRow
from app.rebuild.contributors import ContributorRow
from app.rebuild.heads import HeadRow, ReleaseName
from app.rebuild.memory import Memory
from app.rebuild.model import Projection
from app.rebuild.prompts import PromptRow, say_prompt
from app.rebuild.releases import resource, say_merged
from app.releases import store as releases
from app.releases.store import MAKER, LastVerdict, StoredRelease
from app.repositories.keys import protection_prefix
from app.work import store as work
from app.work.store import Lease
from gates.model import Snapshot, Verdict
from gates.terms import EffectiveRule
from integrations.servicenow.port import NewChange
from manifests import canonical
from manifests.policy import POLICY_PATH
from manifests.record import Draft, facts
from manifests.vocabulary import Event, Stage

Following = Callable[[Tx, Evaluation], None]
"""What else follows from an evaluation that was written down."""


class Committer:
    """Writes evaluations down, and what ``following`` make of them, in one transaction."""

    def __init__(
        self, blobs: BlobStore, encoder: SnapshotEncoder, new_id: NewId, memory: Memory,
        following: Sequence[Following] = (),
    ) -> None:  # fmt: skip
        self._following = following
        self._memory = memory
        self._blobs = blobs
        self._encoder = encoder
        self._new_id = new_id

    def __call__(self, tx: Tx, lease: Lease, evaluation: Evaluation) -> frozenset[str]:
        """Returns the keys of the effects of which nothing can have been sent. Raises LeaseLostError."""
        work.hold(tx, lease)
        writing = _Writing(tx, evaluation, self._blobs, self._encoder, self._new_id, self._memory)
        unsent = writing.write()
        for follow in self._following:
            follow(tx, evaluation)
        return unsent


class _Writing:
    def __init__(
        self, tx: Tx, evaluation: Evaluation, blobs: BlobStore, encoder: SnapshotEncoder, new_id: NewId,
        memory: Memory,
    ) -> None:  # fmt: skip
        self._memory = memory
        self._tx = tx
        self._of = evaluation
        self._blobs = blobs
        self._encoder = encoder
        self._new_id = new_id
        self._log = evaluation.tenant.id
        self._recorder = Recorder(tx, self._log, blobs, evaluation.now)

    def write(self) -> frozenset[str]:
        of, tx = self._of, self._tx
        store.see_repository(tx, of.repository, of.now)
        store.add_heads(tx, of.repository.id, of.view.pull.number, of.heads)
        self._seen()
        store.add_observations(tx, of.repository.id, of.view.pull.number, [observation for observation, _ in of.fresh])
        inbox.settle(tx, [delivery.id for delivery in of.deliveries])
        before = {release.id: release for release in of.before}
        for path, release in of.releases.items():
            self._proposed(path, release, before.get(release.id))
        for gone in before.values():
            if gone.path not in of.releases:
                self._withdrawn(gone)
        for path, release in of.releases.items():
            self._made(path, release)
        self._grants()
        for void in of.consented.voids:
            self._void(void)
        rows = {path: self._judged(path, release) for path, release in of.releases.items()}
        for path, release in rows.items():
            if release != before.get(release.id):
                releases.save(tx, release)
                work.wake(tx, protection_prefix(of.repository.id), of.now)
            self._changes(path, release)
        store.save_pull(
            tx, repository_id=of.repository.id, number=of.view.pull.number, tenant=of.tenant.id,
            state=of.view.facts.state, base_ref=of.view.pull.base_ref, head_sha=of.view.pull.head_sha,
            author=actor(of.view.pull.author), title=of.view.pull.title, outcome=of.outcome,
            notes_json=msgspec.json.encode(of.notes).decode(), at=of.now, watches_json=encode(watches(of.view)),
        )  # fmt: skip
        return self._wish(rows)

    def _seen(self) -> None:
        """Heads and releases that were not known of this pull request, in one record."""
        of, number = self._of, self._of.view.pull.number
        known = {(row.sha, row.event) for row in of.said.heads}
        rows = [
            HeadRow(of.repository.id, number, head.sha, head.event, head.actor, head.received_at, head.delivery)
            for head in of.heads
            if (head.sha, head.event) not in known
        ]
        names = [
            ReleaseName(release.id, path)
            for path, release in of.releases.items()
            if of.said.release(release.id) is None
        ]
        heads.say(self._tx, self._log, rows, names, heads.resource(of.repository.id, number), of.now)

    def _proposed(self, path: str, release: StoredRelease, before: StoredRelease | None) -> None:
        """Each change of what the log tells of a release is one record, which tells all of it."""
        view = self._of.view.release(path)
        assert view is not None
        row = releases.tracked(release, self._of.view.pull.base_ref)
        data = {"head": release.head_sha, "path": path, "revision": release.revision, "rows": [row]}
        about, known = resource(release.id), self._of.said.release(release.id)
        told = known == row
        if before is None or before.revision != release.revision:
            event: Event = "release.proposed" if before is None else "release.revised"
            self._blobs.put_many(self._tx, [("release", source) for source in view.sources])
            releases.save_artifacts(self._tx, release.id, release.revision, view.digests)
            if before is None:
                releases.save(self._tx, release)
            self._record(
                release, "propose", event, about, data, outcome=release.revision,
                before=before.revision if before else "",
            )  # fmt: skip
            told = True
        if before is not None and before.state != release.state and release.state == "closed":
            self._record(release, "close", "release.closed", about, data, outcome="closed")
            told = True
        if not told:
            self._record(release, "propose", "release.revised", about, data, outcome=release.revision)
        if release.state == "merged" and (before is None or before.state != "merged"):
            say_merged(self._tx, self._log, row, release.trace_id, self._of.now)

    def _made(self, path: str, release: StoredRelease) -> None:
        """Who had a hand in a release, and what it is made of, as far as the log does not know it yet."""
        view, tx, log, number = self._of.view.release(path), self._tx, self._log, self._of.view.pull.number
        assert view is not None
        about = contributors.resource(release.id)
        wanted: list[tuple[Projection[Any], str]] = [(contributors.PROJECTION, about)]
        wanted += [(artifacts.PROJECTION, artifacts.resource(digest)) for digest in set(view.digests.values())]
        said = self._memory.look(tx, log, wanted)
        people = {
            ContributorRow(release.id, one.account, one.person, one.role)
            for one in view.contributors.known
            if one.role != MAKER
        }
        new = sorted(
            people - {one.row for one in said.of(contributors.PROJECTION).values()}, key=msgspec.structs.astuple
        )
        releases.save_contributors(tx, new)
        contributors.say_contributors(tx, log, release.id, new, self._of.now)
        named = {digest: name for name, digest in sorted(view.digests.items())}
        rows = [
            ArtifactRow(release.id, digest, release.revision, name, number)
            for digest, name in sorted(named.items())
            if (release.id, digest) not in said.of(artifacts.PROJECTION)
        ]
        artifacts.say_artifacts(tx, log, rows, self._of.now)

    def _withdrawn(self, gone: StoredRelease) -> None:
        """The pull request no longer touches it."""
        if gone.state == "closed":
            return
        closed = msgspec.structs.replace(gone, state="closed", updated_at=self._of.now)
        releases.save(self._tx, closed)
        known = self._of.said.release(gone.id)
        row = releases.tracked(closed, known.base_ref if known else "")
        data = {"head": self._of.view.pull.head_sha, "path": gone.path, "rows": [row]}
        self._record(gone, "close", "release.closed", resource(gone.id), data, outcome="withdrawn")
        for change in changes.of_release(self._tx, gone.id):
            work.mark(self._tx, change.work_key, self._of.now)

    def _grants(self) -> None:
        by_id = {release.id: release for release in self._of.releases.values()}
        for grant in self._of.consented.grants:
            self._recorder.grant(by_id[grant.release_id].trace_id, grant)
        for note in (note for note in self._of.consented.notes if not note.granted):
            for release in list(by_id.values())[:1]:
                data_refused = {"object": note.object, "text": canonical.sha256_hex(note.text.encode())}
                self._record(
                    release, "approve", "grant.refused", f"release/{release.id}", data_refused, outcome="refused"
                )

    def _void(self, void: Void) -> None:
        known = (*self._of.releases.values(), *self._of.before)
        release = next((release for release in known if release.id == void.grant.release_id), None)
        # Of another pull request it is where somebody takes back what they let others do in the whole repository.
        release = release or releases.one(self._tx, self._log, void.grant.release_id)
        assert release is not None
        self._recorder.void(release.trace_id, release.id, void.grant.id, void.reason, void.cause)

    def _judged(self, path: str, release: StoredRelease) -> StoredRelease:
        """The release with its verdicts; each verdict that says something new is a decision and a record.

        Once it is merged, whether it may merge is no question any more. Where it changed the policy it could not be
        judged as before either: the base holds another one now.
        """
        if any(before.id == release.id and self._is_settled(before, release) for before in self._of.before):
            return release
        verdicts: dict[str, LastVerdict] = {}
        for where, snapshot, verdict in self._of.verdicts:
            if where != path or not verdict.environment:
                continue
            said = canonical.digest((release.head_sha, verdict))
            last = release.verdicts.get(verdict.environment)
            if last is None or last.digest != said:
                last = LastVerdict(
                    verdict.outcome, said, self._decided(release, snapshot, verdict), verdict.effective_rule,
                    wishes.summary(verdict),
                )  # fmt: skip
            verdicts[verdict.environment] = last
        changed = verdicts != release.verdicts
        return msgspec.structs.replace(
            release, verdicts=verdicts, updated_at=self._of.now if changed else release.updated_at
        )

    def _is_settled(self, before: StoredRelease, release: StoredRelease) -> bool:
        replaces = release.state == "merged" and POLICY_PATH in self._of.releases and before.verdicts
        return before.state == "merged" or (bool(replaces) and before.head_sha == release.head_sha)

    def _decided(self, release: StoredRelease, snapshot: Snapshot, verdict: Verdict) -> str:
        encoded = self._encoder.encode(self._of.view.policies, snapshot)
        snapshots.save(self._tx, self._blobs, encoded)
        body = canonical.encode(verdict)
        digest = self._blobs.put(self._tx, "verdict", body)
        if self._of.view.policy_text is not None:
            self._blobs.put(self._tx, "policy", self._of.view.policy_text)
        decision = StoredDecision(
            id=self._new_id(), tenant=self._log, release_id=release.id, question=verdict.question,
            environment=verdict.environment, outcome=verdict.outcome, snapshot=encoded.digest, verdict=digest,
            commit_sha=release.head_sha, at=snapshot.at, expires_at=0, asked_by="service:countersign",
        )  # fmt: skip
        decisions.insert(self._tx, decision)
        data = {
            "environment": verdict.environment, "failing": list(verdict.failing()), "head": release.head_sha,
            "question": verdict.question, "revision": verdict.revision, "rule": verdict.effective_rule,
            "snapshot": encoded.digest, "verdict": digest, "at": decision.at, "expires_at": 0, "release": release.id,
        }  # fmt: skip
        self._record(release, "verify", "verdict.recorded", f"decision/{decision.id}", data, outcome=verdict.outcome)
        return decision.id

    def _changes(self, path: str, release: StoredRelease) -> None:
        """Have the change requests looked after: opened, kept in step, or cancelled."""
        view = self._of.view.release(path)
        for environment, rule in (view.rules if view else {}).items():
            if not isinstance(rule, EffectiveRule) or "change" not in rule.gates:
                continue
            before = changes.one(self._tx, release.id, environment)
            if before is None and release.state == "closed":
                continue
            wanted = (
                wanted_change(self._of.view, view, release, environment, rule, self._of.public_url) if view else None
            )
            change = before
            if change is None or (change.state == "canceled" and self._anew(release, change, wanted)):
                change = StoredChange(release.id, environment, self._log, self._new_id())
            if change != before or wanted != change.wanted:
                changes.save(self._tx, msgspec.structs.replace(change, wanted=wanted))
            if before is None or change != before or wanted != before.wanted or release.state == "closed":
                work.mark(self._tx, changes.work_key(release.id, environment), self._of.now)

    def _anew(self, release: StoredRelease, change: StoredChange, wanted: NewChange | None) -> bool:
        """A canceled change stays so, and another is opened for a release that came back or says something else."""
        was_closed = any(before.id == release.id and before.state == "closed" for before in self._of.before)
        return release.state == "open" and (was_closed or wanted != change.wanted)

    def _wish(self, rows: dict[str, StoredRelease]) -> frozenset[str]:
        of, tx = self._of, self._tx
        if of.view.facts.state != "open":
            return frozenset()
        pull = of.view.pull
        twins = store.twins(tx, of.repository.id, pull.number, pull.head_sha, pull.base_ref)
        unsent: set[str] = set()
        changed = False
        for wish in wishes.wishes(self._as_shown(), rows, twins):
            known = effects.get(tx, wish.key)
            if known is not None and known.wanted == wish.digest:
                continue
            if not rows:
                self._untouched()
            effects.want(tx, wish.key, wish.kind, wish.digest, wish.payload, wish.cause, of.now)
            if wish.kind == wishes.COMMENT:
                self._prompt(wish)
            changed = True
            # What was wanted before and is not known to be done may have been sent: it has to be looked for.
            if known is None or known.wanted == known.done:
                unsent.add(wish.key)
        for number, _ in twins if changed else ():
            work.mark(tx, f"pull/{of.repository.id}/{number}", of.now)
        return frozenset(unsent)

    def _prompt(self, wish: Wish) -> None:
        """What people will be asked, before they are."""
        of = self._of
        asked = msgspec.json.decode(wish.payload, type=CommentWish)
        if any((row.head_sha, row.digest) == (asked.head_sha, wish.digest) for row in of.said.prompts):
            return
        environments = msgspec.json.encode(asked.environments).decode()
        documents = msgspec.json.encode(asked.documents).decode()
        row = PromptRow(
            of.repository.id, of.view.pull.number, asked.head_sha, wish.digest, environments, documents_json=documents
        )
        say_prompt(self._tx, self._log, row, of.now)

    def _as_shown(self) -> Evaluation:
        """What is shown names people; what is kept does not."""
        of = self._of
        verdicts = names.in_verdicts(self._tx, self._log, [verdict for _, _, verdict in of.verdicts])
        told = tuple((path, snapshot, named) for (path, snapshot, _), named in zip(of.verdicts, verdicts, strict=True))
        notes = tuple(
            msgspec.structs.replace(note, login=names.in_text(self._tx, self._log, note.login)) for note in of.notes
        )
        return msgspec.structs.replace(of, verdicts=told, notes=notes)

    def _untouched(self) -> None:
        """A green check has a record too, also where there is nothing to release."""
        of = self._of
        name = f"pull/{of.repository.id}/{of.view.pull.number}"
        self._tx.stage(
            self._log,
            Draft(
                trace_id=name, ts=of.now, stage="verify", event="verdict.recorded", component="pulls", action="verify",
                resource=name, actor_ref="service:countersign", outcome="untouched",
                data=facts({"base": of.view.pull.base_ref, "head": of.view.pull.head_sha}),
            ),
        )  # fmt: skip

    def _record(
        self, release: StoredRelease, stage: Stage, event: Event, resource: str, data: object, *, outcome: str,
        actor_ref: str = "service:countersign", before: str = "",
    ) -> None:  # fmt: skip
        self._tx.stage(
            self._log,
            Draft(
                trace_id=release.trace_id, ts=self._of.now, stage=stage, event=event, component="pulls",
                action=event.partition(".")[2], resource=resource, actor_ref=actor_ref, outcome=outcome, before=before,
                data=facts(data),
            ),
        )  # fmt: skip
