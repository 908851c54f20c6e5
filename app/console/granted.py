"""What people consented to, as the page of a release shows it."""

from __future__ import annotations

import msgspec

from app.console.names import Names
from gates.model import Consent

_SHOWN = {
    "approve": ("pass", "✓", "approval"), "reject": ("fail", "✕", "rejection"), "hold": ("fail", "✕", "hold"),
    "delegate": ("none", "→", "delegation"), "except": ("wait", "!", "exception"),
    "break-glass": ("wait", "!", "break glass"), "review": ("pass", "✓", "review"),
}  # fmt: skip
_IDLE = ("none", "–")


class ConsentRow(msgspec.Struct, frozen=True):
    """``idle`` says why it counts for nothing, empty when it counts; ``terms`` is what it says besides who, for which
    groups and environments."""

    consent: Consent
    idle: str
    tone: str
    sign: str
    word: str
    terms: str = ""


def row(consent: Consent, idle: str, names: Names) -> ConsentRow:
    tone, sign, word = _SHOWN[consent.decision]
    if idle:
        tone, sign = _IDLE
    return ConsentRow(consent, idle, tone, sign, word, _terms(consent, names))


def _terms(consent: Consent, names: Names) -> str:
    if consent.delegation is not None:
        whole = consent.delegation.scope == "repository"
        where = "every release of this repository" if whole else "this release"
        return f"{names.of(consent.delegation.account)} may act for them in {where}."
    if consent.exception is not None:
        excepted = consent.exception
        return f"{excepted.finding} of {excepted.type} may stay, because of: {excepted.control}"
    if consent.incident:
        return f"For {consent.incident}."
    return f"Of the broken glass {consent.glass}." if consent.glass else ""
