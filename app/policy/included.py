"""The files that a policy on disk includes, found as far as they are at hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from manifests.canonical import sha256_hex
from manifests.policy import Include
from manifests.policy_parser import MAX_BYTES, includes_of


def included(data: bytes, path: Path, others: Sequence[bytes] = ()) -> dict[str, bytes]:
    """The bytes of what the policy at ``path`` includes, by the digest that it names.

    Looked for from the root of the repository that ``path`` is in, and among ``others`` by their digest: those of
    another repository, or of another commit, can only be there. What is not found is left out.
    """
    given = {sha256_hex(other): other for other in others}
    found: dict[str, bytes] = {}
    for one in includes_of(data, str(path)):
        content = given.get(one.sha256)
        if content is None and one.repository is None:
            content = _local(root_of(path), one)
        if content is not None:
            found[one.sha256] = content
    return found


def root_of(path: Path) -> Path:
    """The folder with `.git` above a file; where there is none, the one with its `.github`, or its own."""
    folder = path.absolute().parent
    for parent in (folder, *folder.parents):
        if (parent / ".git").exists():
            return parent
    return folder.parent if folder.name == ".github" else folder


def _local(root: Path, one: Include) -> bytes | None:
    """The file as it is now. With a ``ref`` it may have been another one there, which is no mistake of the policy."""
    file = (root / one.path).resolve()
    if not file.is_relative_to(root.resolve()):
        return None
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except OSError:
        return None
    return content if one.ref is None or sha256_hex(content) == one.sha256 else None
