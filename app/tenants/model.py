"""Names of tenants that are not customers."""

from __future__ import annotations

SYSTEM = "system"
"""The log of what belongs to no tenant."""
