"""The release around a statement: what it is, what was found about it, who is asked, what is still missing."""

from __future__ import annotations

from app.facts.view import ReleaseView
from gates import render
from gates.model import SignedDocument, Verdict
from gates.terms import EffectiveRule, SeatTerms
from manifests.command_text import storable


def context(release: ReleaseView, rule: EffectiveRule | None, verdict: Verdict | None, name: str, reason: str) -> str:
    """Plain text. ``verdict`` is what would be decided without this signature."""
    manifest = release.facts.manifest
    lines = [f"You sign as {_line(name)}."]
    if reason:
        lines.append(f"Your reason: {_line(reason)}")
    if manifest is not None:
        lines += ["", f"{_line(manifest.name)} {_line(manifest.version)} ({manifest.kind})", _line(manifest.rationale)]
    if rule is not None:
        lines += ["", "Asked by the rule:", *(f"  {_seat(seat)}" for seat in rule.seats)]
    documents = [release.lineage] if release.lineage else []
    documents += release.evidence
    if documents:
        lines += ["", "Evidence:", *(f"  {_document(document)}" for document in documents)]
    if verdict is not None:
        lines += ["", "Before your signature:", render.text(verdict).rstrip()]
    return "\n".join(lines)


def _seat(seat: SeatTerms) -> str:
    return f"{seat.count} of {_line(seat.group)}, signed at least as {seat.signature}, by {', '.join(seat.accept)}"


def _document(document: SignedDocument) -> str:
    told = document.problem or document.result or "signed"
    who = ", ".join(document.signers) or "nobody"
    return f"{_line(document.type)} {_line(document.path)}: {_line(told)}, by {_line(who)}"


def _line(text: str) -> str:
    return " ".join(storable(text[:4000]).split())
