"""The one comment that Countersign keeps on a pull request: what is missing, and the exact line to paste."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from app.facts.view import PullView, ReleaseView
from app.pulls import policy_words
from app.pulls.around import approve_line
from app.pulls.situation import Note
from gates.model import SignedDocument, Verdict
from gates.render import markdown, title
from gates.terms import EffectiveRule
from manifests.command import neutralise

MARKER = "<!-- countersign -->"
MAX_BODY = 60_000
NOTHING_TOUCHED = "No release, artifact or policy is touched, so nothing needs a second pair of eyes."


def body(
    view: PullView, verdicts: Sequence[tuple[str, Verdict]], notes: Sequence[Note], console: str,
    release_ids: Mapping[str, str],
) -> str:  # fmt: skip
    """Markdown of the comment. ``verdicts`` are pairs of manifest path and verdict, ``release_ids`` are by path.

    Its digest is what people were shown: it changes only when something they should know has changed.
    """
    parts = [MARKER, f"### {title([verdict for _, verdict in verdicts])}", _how(view, release_ids)]
    for path in dict.fromkeys(path for path, _ in verdicts):
        release = view.release(path)
        revision = release.facts.revision[:16] if release else ""
        parts.append(f"#### {neutralise(path)} · revision `{revision or 'unreadable'}`")
        if release is not None and (listed := [_document(one) for one in _documents(release)]):
            parts.append("\n".join(listed))
        parts.append(markdown([verdict for where, verdict in verdicts if where == path]))
        if release and release.policy and (said := policy_words.told(release.policy)):
            parts.append(said)
    if notes:
        parts.append("#### Answers")
        parts += [f"- **{neutralise(note.login)}**: {note.text}" for note in notes]
    if console:
        parts.append(f"[Everything about this release]({console})")
    text = "\n\n".join(parts)
    if len(text.encode()) > MAX_BODY:
        text = text.encode()[:MAX_BODY].decode(errors="ignore") + "\n\n… shortened; the console shows it all."
    return text


def environments_shown(view: PullView) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for release in view.releases for name in release.environments))


def documents_shown(view: PullView, body: str) -> tuple[str, ...]:
    """The SHA-256 of the documents that this text of ours lists."""
    listed = body.split("\n")
    return tuple(
        sorted({one.digest for release in view.releases for one in _documents(release) if _document(one) in listed})
    )


def _documents(release: ReleaseView) -> Iterator[SignedDocument]:
    """Lineage and evidence that could be read."""
    for document in (*([release.lineage] if release.lineage else []), *release.evidence):
        if document.digest in release.documents:
            yield document


def _document(of: SignedDocument) -> str:
    """What it is, what it says in the end, and the values that the rule compares."""
    said = [neutralise(of.result)] if of.result else []
    said += [neutralise(f"{field.path} = {field.text}".replace("\n", " ")) for field in of.fields]
    told = f": {'; '.join(said)}" if said else ""
    return f"- {neutralise(of.type)} {neutralise(of.path)}, SHA-256 `{of.digest[:16]}…`{told}"


def _how(view: PullView, release_ids: Mapping[str, str]) -> str:
    """How to agree: by comment or review where the platform's word is enough, else with a key of one's own."""
    seats = [
        (release.path, environment, seat)
        for release in view.releases
        for environment, rule in release.rules.items()
        if isinstance(rule, EffectiveRule)
        for seat in rule.seats
    ]
    if not seats:
        return "Nobody can approve yet: see what is wrong below."
    parts = []
    if any(seat.signature == "attested" for _, _, seat in seats):
        parts.append(
            "Read the evidence, then agree by pasting this line as a comment (drop an environment you do not mean):\n\n"
            f"```\n{approve_line(view)}\n```\n\n"
            "A GitHub review counts for all of these environments where the rule accepts reviews."
        )
    signed = sorted({(path, environment) for path, environment, seat in seats if seat.signature != "attested"})
    if signed:
        lines = "\n".join(
            f"countersign approve {release_ids[path]} --environment {environment} --key ~/.ssh/id_ed25519"
            for path, environment in signed
            if path in release_ids
        )
        parts.append(f"Seats that ask for a personal signature are filled with a key of your own:\n\n```\n{lines}\n```")
    parts.append("`/reject` and `/hold` stop the release, `/help` shows every command.")
    return "\n\n".join(parts)
