"""Keys and signatures made by the real ssh-keygen."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Protocol

import msgspec

from manifests import ssh_keys, statement
from manifests.sshsig import NAMESPACE
from tests.requirements import need


class Signing(Protocol):
    """Whatever signs for a person; ``line`` is the public half."""

    @property
    def line(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    def sign(self, payload: bytes, namespace: str = NAMESPACE) -> str: ...


class PersonKey(msgspec.Struct, frozen=True):
    """A key file without a passphrase; ``line`` is its public half."""

    path: Path
    line: str

    @property
    def fingerprint(self) -> str:
        return ssh_keys.from_openssh(self.line).fingerprint

    def sign(self, payload: bytes, namespace: str = NAMESPACE) -> str:
        """The armored signature over the statement's pre-authentication encoding."""
        return self.sign_bytes(statement.signed_message(payload), namespace)

    def sign_bytes(self, message: bytes, namespace: str = NAMESPACE) -> str:
        words = [need("ssh-keygen"), "-q", "-Y", "sign", "-n", namespace, "-f", str(self.path)]
        done = subprocess.run(words, input=message, capture_output=True, check=True)
        return done.stdout.decode()


def make(folder: Path, name: str, kind: str = "ed25519") -> PersonKey:
    path = folder / name
    words = [need("ssh-keygen"), "-q", "-t", kind, "-N", "", "-C", f"{name}@acme", "-f", str(path)]
    subprocess.run(words, check=True, capture_output=True)
    return PersonKey(path, path.with_suffix(".pub").read_text().strip())


def accepts(key: Signing, signature: bytes, message: bytes, folder: Path) -> bool:
    """Whether stock ``ssh-keygen -Y verify`` takes these bytes for this key's signature."""
    allowed, file = folder / "allowed", folder / "statement.sig"
    allowed.write_text(f'carol namespaces="{NAMESPACE}" {key.line}\n')
    file.write_bytes(signature)
    words = [need("ssh-keygen"), "-Y", "verify", "-f", str(allowed), "-I", "carol", "-n", NAMESPACE, "-s", str(file)]
    return subprocess.run(words, input=message, capture_output=True, check=False).returncode == 0
