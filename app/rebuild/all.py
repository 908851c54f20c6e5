"""Every projection of the log that decisions count, in the order in which rows can be written back."""

from __future__ import annotations

from typing import Any

from app.rebuild import (
    accounts,
    artifacts,
    contributors,
    decisions,
    glasses,
    grants,
    heads,
    keys,
    links,
    memberships,
    pins,
    policies,
    prompts,
    pushes,
    releases,
    tokens,
    withheld,
)
from app.rebuild.model import Projection

PROJECTIONS: tuple[Projection[Any], ...] = (
    accounts.PROJECTION, links.PROJECTION, keys.PROJECTION, tokens.PROJECTION, memberships.PROJECTION, pins.PROJECTION,
    policies.PROJECTION,
    pushes.PROJECTION, heads.PROJECTION, prompts.PROJECTION, releases.PROJECTION, artifacts.PROJECTION,
    contributors.PROJECTION, grants.PROJECTION, grants.VOIDS, withheld.PROJECTION, decisions.PROJECTION,
    decisions.REDEMPTIONS, glasses.PROJECTION, glasses.REVIEWS,
)  # fmt: skip
