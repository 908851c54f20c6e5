"""The revision of a release: what people approve."""

from __future__ import annotations

import re
from collections.abc import Mapping

from manifests import canonical, paths

_SHA256 = re.compile(r"[0-9a-f]{64}")


def revision(digests: Mapping[str, str]) -> str:
    """SHA-256 of the canonical object {path: SHA-256 of exact bytes}, 64 lower-case hex digits.

    ``digests`` holds the repository-relative path of `release.yaml` and of every file it names
    (``release_parser.referenced_paths``), each with 64 lower-case hex digits. Raises ValueError when it is
    empty or holds anything else.
    """
    if not digests:
        raise ValueError("expected at least the manifest's own digest, found none")
    for path, sha256 in digests.items():
        paths.check(path)
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"expected 64 lower-case hex digits for {path}, found {sha256[:80]!r}")
    return canonical.digest(dict(digests))
