"""A stateful stand-in for a ServiceNow instance, over real HTTP. For tests, the sandbox and benchmarks."""

from __future__ import annotations

from integrations.servicenow.simulator.server import (
    INTEGRATION_PASSWORD,
    INTEGRATION_USER,
    ServiceNowSimulator,
)
from integrations.servicenow.simulator.settings import Settings

__all__ = ["INTEGRATION_PASSWORD", "INTEGRATION_USER", "ServiceNowSimulator", "Settings"]
