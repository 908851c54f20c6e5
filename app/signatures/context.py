"""The release around a statement: what it is, what was found about it, who is asked, what is still missing."""

from __future__ import annotations

from collections.abc import Iterator

from app.facts.view import ReleaseView
from app.pulls.powers import WAIVED
from app.signatures.judging import Drawn
from gates import render
from gates.model import Consent, SignedDocument, Verdict
from gates.terms import EffectiveRule, SeatTerms
from manifests.command_text import storable


def context(release: ReleaseView, verdict: Verdict | None, drawn: Drawn, to: str = "") -> str:
    """Plain text. ``verdict`` is what would be decided without this signature, ``to`` who shall act for the person."""
    manifest, rule, consent = release.facts.manifest, drawn.rule, drawn.consent
    lines = [f"You sign as {_line(consent.name)}."]
    if consent.reason:
        lines.append(f"Your reason: {_line(consent.reason)}")
    lines += _terms(consent, to)
    if manifest is not None:
        lines += ["", f"{_line(manifest.name)} {_line(manifest.version)} ({manifest.kind})", _line(manifest.rationale)]
    if rule is not None:
        lines += ["", "Asked by the rule:", *(f"  {_seat(seat)}" for seat in rule.seats)]
    documents = [release.lineage] if release.lineage else []
    documents += release.evidence
    if documents:
        lines += ["", "Evidence:", *(line for document in documents for line in _document(document, rule))]
    if verdict is not None:
        lines += ["", "Before your signature:", render.text(verdict).rstrip()]
    return "\n".join(lines)


def _terms(consent: Consent, to: str) -> list[str]:
    """What only some decisions say, in words."""
    if consent.delegation is not None:
        what = "this release" if consent.delegation.scope == "release" else "every release of this repository"
        return [f"{_line(to)} may act for you in {what}, and their word then counts instead of yours."]
    if consent.exception is not None:
        return [f"What compensates for it: {_line(consent.exception.control)}"]
    if consent.decision == "break-glass":
        waived = ", ".join(sorted(WAIVED))
        return [f"Together with the others it takes, you waive: {waived}. Somebody has to review it afterwards."]
    return []


def _seat(seat: SeatTerms) -> str:
    shown = f", shown {', '.join(seat.shown)}" if seat.shown else ""
    return (
        f"{seat.count} of {_line(seat.group)}, signed at least as {seat.signature}, by {', '.join(seat.accept)}{shown}"
    )


def _document(document: SignedDocument, rule: EffectiveRule | None) -> Iterator[str]:
    """Its path, type and digest, its outcome, who signed it, and the values that the rule compares."""
    known = {signer.key: signer.who for signer in (rule.signers(document.type) if rule is not None else ())}
    who = ", ".join(f"{known[key]} ({key})" if key in known else key for key in document.signers)
    yield f"  {_line(document.type)} {_line(document.path)}"
    if document.digest:
        yield f"    sha256:{document.digest}"
    told = document.problem or f"{document.result or 'no result of its own'}, signed by {who or 'nobody'}"
    yield f"    {_line(told)}"
    for field in document.fields:
        yield f"    {_line(field.path)} = {_line(field.text)}"
    for issue in document.findings or ():
        yield f"    finding {_line(issue.id)} ({_line(issue.severity)}) {_line(issue.about)}".rstrip()


def _line(text: str) -> str:
    return " ".join(storable(text[:4000]).split())
