"""Texts that people give with what they do."""

from __future__ import annotations

from app.privacy.errors import PrivacyError

MAX_REASON = 1000


def expect_reason(text: str) -> str:
    """A reason in one line. Raises PrivacyError."""
    reason = " ".join(text.split())
    if not reason or len(reason) > MAX_REASON or not reason.isprintable():
        raise PrivacyError(
            "privacy.reason", f"a reason of 1 to {MAX_REASON} printable characters", f"{len(reason)}",
            "Say why; it is kept sealed.", status=400,
        )  # fmt: skip
    return reason
