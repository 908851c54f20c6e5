"""What is wrong with settings: every mistake, each with what to do about it."""

from __future__ import annotations

from manifests.errors import ManifestError


class SettingsError(ManifestError):
    """Settings that are refused. ``problems`` names every mistake by its key or variable."""

    code = "settings.refused"

    def __str__(self) -> str:
        return "\n".join(f"- {problem}" for problem in self.problems)
