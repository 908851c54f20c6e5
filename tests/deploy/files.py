"""The files of deploy/, read as what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
ACTION = DEPLOY / "github-action"


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())
