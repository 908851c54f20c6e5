"""What a person reads before signing. The first part is made from the statement alone, by server and client alike."""

from __future__ import annotations

from manifests.canonical import sha256_hex
from manifests.statement import Consent, ConsentPredicate
from manifests.times import to_rfc3339

_VERBS = {
    "approve": "APPROVE",
    "reject": "REJECT",
    "hold": "PUT ON HOLD",
    "delegate": "LET SOMEBODY ELSE ACT FOR YOU IN",
    "except": "GRANT AN EXCEPTION FOR A FINDING OF",
    "break-glass": "BREAK THE GLASS FOR",
    "review": "REVIEW THE BROKEN GLASS OF",
}
_INDENT = 2


def binding(consent: Consent) -> str:
    """Every value that the signature binds, one a line, except the digest of the text this is part of."""
    of = consent.predicate
    verb = _VERBS.get(of.decision, of.decision.upper())
    title = f"By signing you {verb} {_line(of.manifest_path)} of {_line(of.repository)}#{of.pull_number}"
    where = ", ".join(of.environments)
    return "\n".join([title + (f" for {_line(where)}." if where else "."), *_table(_bound(consent, of)), ""])


def display(consent: Consent, context: str) -> str:
    """The whole text; the statement binds its digest."""
    return f"{binding(consent)}\n{context.strip()}\n"


def digest(text: str) -> str:
    return sha256_hex(text.encode())


def _bound(consent: Consent, of: ConsentPredicate) -> list[tuple[str, str]]:
    rows = [
        ("tenant", of.tenant),
        ("repository", f"{of.repository} (id {of.repository_id})"),
        ("pull request", f"#{of.pull_number} into {of.base_ref}"),
        ("head commit", of.head_commit),
        ("head tree", of.head_tree),
        ("manifest", of.manifest_path),
        ("revision", of.revision or "unreadable"),
    ]
    rows += [("artifact", f"{artifact.name} sha256:{artifact.sha256}") for artifact in consent.artifacts]
    rows += [
        ("decision", of.decision),
        ("environment", ", ".join(of.environments) or "all"),
        ("rule", of.effective_rule or "any"),
        ("acting for", ", ".join(of.groups) or "nobody"),
        ("memberships", of.memberships),
        ("person", f"{of.person} ({of.account})"),
        ("key", of.key),
        ("given by", of.way),
        ("reason", f"sha256:{of.reason_digest}" if of.reason_digest else "none given"),
        ("issued", to_rfc3339(of.issued_at)),
        ("expires", to_rfc3339(of.not_after)),
        ("nonce", of.nonce),
    ]
    return [*rows, *_terms(of)]


def _terms(of: ConsentPredicate) -> list[tuple[str, str]]:
    """What only some decisions say, and the documents that were shown."""
    rows = []
    if of.delegation is not None:
        acting = of.delegation
        rows += [
            ("acts for you", f"{acting.person} ({acting.account})"),
            ("from", to_rfc3339(acting.starts_at)),
            ("in", f"this {acting.scope}"),
        ]
    if of.exception is not None:
        finding = of.exception
        rows += [
            ("finding", f"{finding.finding} of {finding.type}"),
            ("control", f"sha256:{finding.control_digest}"),
        ]
    rows += [("incident", of.incident)] if of.incident else []
    rows += [("glass", of.glass)] if of.glass else []
    return [*rows, *(("document", f"sha256:{digest}") for digest in of.shown)]


def _table(rows: list[tuple[str, str]]) -> list[str]:
    width = max(len(name) for name, _ in rows)
    return [f"{' ' * _INDENT}{name:<{width}}  {_line(value)}" for name, value in rows]


def _line(text: str) -> str:
    """Printable and on one line: nothing in a name may look like another row, or hide one."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
