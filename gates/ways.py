"""How somebody can approve: the ways that there are, as far as they reach the strength that a seat asks for."""

from __future__ import annotations

from gates.terms import SeatTerms
from gates.words import listing
from manifests.policy import Strength, Way

_SAID: dict[Way, str] = {
    "review": "by an approving GitHub review",
    "command": "with the comment /approve {head} {environment}",
    "servicenow": "by approving the change request in ServiceNow, from a linked account",
}
"""What the platform vouches for: attested, never more."""

_OWN_KEY = "with countersign approve"
_VERIFIED = "with countersign approve and a hardware key that verifies who uses it"


def ways(terms: SeatTerms, head: str, environment: str) -> str:
    """``by an approving GitHub review or with countersign approve``; empty where no way that the seat accepts is as
    strong as it asks."""
    found = [_way(way, terms.signature) for way in terms.accept]
    return listing(dict.fromkeys(filter(None, found)), "or").format(head=head, environment=environment)


def _way(way: Way, signature: Strength) -> str:
    if way == "passkey":
        return _VERIFIED
    if way == "cli":
        return _VERIFIED if signature == "passkey" else _OWN_KEY
    return _SAID.get(way, "") if signature == "attested" else ""
