"""One way to refuse a document that has no lines and columns worth naming."""

from __future__ import annotations

from manifests.errors import ManifestError, Problem


def refusal(code: str, message: str, remedy: str, path: str = "") -> ManifestError:
    """The error for one problem: ``message`` says what was expected and found, ``remedy`` what to do."""
    return ManifestError((Problem(code, message, remedy, path),))
