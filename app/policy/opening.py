"""Simulations and comparisons, wired together."""

from __future__ import annotations

from app.clock import Clock
from app.consents.bearing import Check
from app.db.database import Database
from app.facts.gather import Gatherer
from app.policy.asking import Asking
from app.policy.comparing import Comparisons
from app.policy.simulating import Simulations
from app.policy.situation import Situations
from app.policy.views import SimulationViews
from app.rebuild.memory import Memory
from app.signatures.reading import Reader
from app.tenants.registry import Tenants
from integrations.github.port import GitHubApp


def open_simulations(
    database: Database, github: GitHubApp, gatherer: Gatherer, reader: Reader, check: Check, memory: Memory,
    tenants: Tenants, clock: Clock,
) -> SimulationViews:  # fmt: skip
    """They share the service's own readers, and so what these remember."""
    situations = Situations(database, github, gatherer, reader, check, memory, clock)
    simulations = Simulations(database, reader, situations, Asking(situations), clock)
    comparisons = Comparisons(database, github, gatherer, reader, simulations, clock)
    return SimulationViews(simulations, comparisons, tenants, database)
