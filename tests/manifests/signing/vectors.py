"""Reads the vectors of other projects (tests/vectors/ORIGIN.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "vectors"


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text())
