"""Signing on this machine: what the service serves is read from the signed bytes themselves, never taken on trust."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from app.cli.exits import CannotFindOutError, NoError, UsageError
from app.signatures import display
from manifests import ssh_keys, sshsig, statement, strict_base64
from manifests.errors import ManifestError
from manifests.statement import Consent, ConsentPredicate
from manifests.times import from_rfc3339

TIMEOUT_S = 120
CHOSEN = ("except", "review")
"""Decisions whose environment follows from what they are about."""


class Asked(msgspec.Struct, frozen=True):
    """What the person meant to say, with which key. ``until`` is RFC 3339. An exception and a review may leave the
    environment to the service; what is shown names it."""

    decision: str
    environment: str
    key: str
    reason: str = ""
    to: str = ""
    scope: str = "release"
    until: str = ""
    type: str = ""
    finding: str = ""
    control: str = ""
    incident: str = ""
    glass: str = ""


class PreparedAnswer(msgspec.Struct, frozen=True):
    """What GET …/statement gives back."""

    payload: str
    display: str
    namespace: str


def fingerprint(key: Path) -> str:
    """Of the public half beside a private key, or of the public key itself. Raises UsageError."""
    public = key if key.suffix == ".pub" else key.with_name(key.name + ".pub")
    try:
        line = public.read_text() if public.is_file() else _derived(key)
        return ssh_keys.from_openssh(line).fingerprint
    except (ManifestError, OSError, UnicodeDecodeError) as error:
        raise UsageError(f"expected --key to be an SSH key that Countersign takes, found {key}: {error}") from None


def read(answer: bytes, asked: Asked) -> tuple[Consent, PreparedAnswer]:
    """The statement to sign. Raises CannotFindOutError unless it says what was asked for, and the text beside it
    begins with exactly what it binds."""
    try:
        prepared = msgspec.json.decode(answer, type=PreparedAnswer)
        consent = statement.parse(strict_base64.decode(prepared.payload, "payload"))
    except (ManifestError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CannotFindOutError(f"expected a statement to sign, found another answer: {error}") from None
    of = consent.predicate
    reason = display.digest(asked.reason) if asked.reason else None
    pairs = {
        "namespace": (sshsig.NAMESPACE, prepared.namespace),
        "decision": (asked.decision, of.decision),
        "environment": (_environments(asked, of), of.environments),
        "key": (asked.key, of.key),
        "way": ("cli", of.way),
        "reason": (reason, of.reason_digest),
        "displayed": (display.digest(prepared.display), of.displayed),
        "incident": (asked.incident, of.incident),
        "glass": (asked.glass, of.glass),
        **_terms(asked, of),
    }
    for name, (wanted, found) in pairs.items():
        if wanted != found:
            raise _distrusted(f"{name} {wanted!r}", repr(found))
    if not prepared.display.startswith(display.binding(consent)):
        raise _distrusted("a text that begins with what the statement binds", "another text")
    around = prepared.display.removeprefix(display.binding(consent))
    if missing := [digest for digest in of.shown if f"sha256:{digest}" not in around]:
        raise _distrusted(f"a text that shows the document {missing[0]}", "one without it")
    return consent, prepared


def _environments(asked: Asked, of: ConsentPredicate) -> tuple[str, ...]:
    """Exactly what was asked for; one of the service's choice where none was."""
    if asked.decision in ("reject", "hold"):
        return ()
    return of.environments[:1] if not asked.environment and asked.decision in CHOSEN else (asked.environment,)


def _terms(asked: Asked, of: ConsentPredicate) -> dict[str, tuple[object, object]]:
    """What a delegation or an exception ought to say, and what it says."""
    terms, finding = of.delegation, of.exception
    wanted = (asked.type, asked.finding, display.digest(asked.control)) if asked.decision == "except" else None
    found = (finding.type, finding.finding, finding.control_digest) if finding is not None else None
    until = from_rfc3339(asked.until) if asked.until else of.not_after
    return {
        "a delegation": (asked.decision == "delegate", terms is not None),
        "scope": (asked.scope if terms is not None else None, terms.scope if terms is not None else None),
        "exception": (wanted, found),
        "end": (min(until, of.not_after), of.not_after),
    }


def sign(payload: bytes, key: Path) -> str:
    """The armored signature, by ssh-keygen, which knows agents and security keys. Raises NoError, UsageError."""
    words = ("ssh-keygen", "-Y", "sign", "-n", sshsig.NAMESPACE, "-f", str(key))
    try:
        done = subprocess.run(
            words, input=statement.signed_message(payload), stdout=subprocess.PIPE, timeout=TIMEOUT_S, check=False
        )
    except FileNotFoundError:
        raise UsageError("expected ssh-keygen on this machine, found none; install OpenSSH") from None
    except subprocess.TimeoutExpired:
        raise NoError(f"expected a signature within {TIMEOUT_S} s, found none; nothing was sent") from None
    if done.returncode != 0:
        raise NoError("ssh-keygen made no signature; nothing was sent")
    return done.stdout.decode("ascii", "replace")


def confirm(decision: str) -> None:
    """Raises UsageError without a terminal, NoError without a yes."""
    if not sys.stdin.isatty():
        raise UsageError("expected somebody at a terminal to read this and agree; with --yes nobody is asked")
    print(f"\nSign this? Type {decision} to agree: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() != decision:
        raise NoError("Nothing was signed.")


def _derived(key: Path) -> str:
    done = subprocess.run(
        ("ssh-keygen", "-y", "-f", str(key)), stdout=subprocess.PIPE, timeout=TIMEOUT_S, check=False, text=True
    )
    if done.returncode != 0:
        raise UsageError(f"expected a private key in {key} or a public one beside it, found neither")
    return done.stdout


def _distrusted(expected: str, found: str) -> CannotFindOutError:
    return CannotFindOutError(
        f"The service's statement is not what was asked for: expected {expected}, found {found}.\n"
        "Nothing was signed. Tell your administrator: the service may have been tampered with."
    )
