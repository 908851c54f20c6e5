"""What goes with every verifiable export: checkpoint, keys, programs to verify with, and how to use them."""

from __future__ import annotations

from importlib.resources import files
from string import Template

import msgspec

from app.audit.store import StoredCheckpoint
from app.exports.bundle import Bundle
from app.exports.keys import LogKeys
from app.exports.model import EVERYTHING, Ask
from manifests import checkpoint
from manifests.command_text import storable
from manifests.times import to_rfc3339

PROGRAMS = ("verify.py", "verify.go")
_SIGNATURE = """\
sed -n '{line}p' checkpoint | cut -d' ' -f3 | base64 -d | tail -c 64 > signature
openssl pkeyutl -verify -rawin -pubin -inkey keys/{key}.pem -in text -sigfile signature"""


def write(ask: Ask, under: StoredCheckpoint, keys: LogKeys, bundle: Bundle) -> None:
    """Adds README.md, the checkpoint, every key as verifier key and as PEM, and the programs."""
    bundle.add("README.md", readme(ask, under, keys))
    bundle.add("checkpoint", under.note)
    for key in keys.given_out:
        bundle.add(f"keys/{key.key_id.hex()}.vkey", key.encode() + "\n")
        bundle.add(f"keys/{key.key_id.hex()}.pem", key.key.to_pem())
    for name in PROGRAMS:
        bundle.add(name, _material(name))


def readme(ask: Ask, under: StoredCheckpoint, keys: LogKeys) -> str:
    """The text for this export: its commands run as they stand, in its folder."""
    found, parsed = checkpoint.parse(under.note.encode())
    known = {(key.name, key.key_id) for key in keys.signers(under)}
    first = found.text().count("\n") + 2
    checks = [
        _SIGNATURE.format(line=first + nth, key=signature.key_id.hex())
        for nth, signature in enumerate(parsed.signatures)
        if (signature.name, signature.key_id) in known
    ]
    whole = ask.query == EVERYTHING
    contents = _material("whole.md" if whole else "selection.md").rstrip("\n")
    return Template(_material("README.md")).substitute(
        log=ask.log, origin=found.origin, size=found.size, query=_told(ask), contents=contents,
        signature="\n".join(checks), keys="\n".join(f"    {key.encode()}" for key in keys.given_out),
    )  # fmt: skip


def _told(ask: Ask) -> str:
    given = {name: value for name, value in msgspec.structs.asdict(ask.query).items() if value not in (None, "")}
    if not given:
        return "all of its records"
    times = {name: to_rfc3339(value) for name, value in given.items() if isinstance(value, int)}
    return "the records with " + ", ".join(f"{name} `{_quoted(value)}`" for name, value in {**given, **times}.items())


def _quoted(value: object) -> str:
    """In one line and without what ends the quotation: the README's commands are run as they stand."""
    return " ".join(storable(str(value)).split()).replace("`", "'")


def _material(name: str) -> str:
    return (files("app.exports") / "material" / name).read_text(encoding="utf-8")
