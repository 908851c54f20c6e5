"""A stateful stand-in for GitHub over real HTTP, for tests, the sandbox and benchmarks."""

from __future__ import annotations

from integrations.github.simulator.server import Exchange, GitHubSimulator

__all__ = ["Exchange", "GitHubSimulator"]
