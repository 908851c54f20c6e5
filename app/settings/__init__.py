"""Settings: one file, the environment over it, every mistake reported at once with its remedy."""

from __future__ import annotations

from app.settings.load import for_serving, load
from app.settings.mistakes import SettingsError
from app.settings.model import Settings
from app.settings.neighbours import SIMULATOR_HEADER, refuse_simulators

__all__ = ["SIMULATOR_HEADER", "Settings", "SettingsError", "for_serving", "load", "refuse_simulators"]
