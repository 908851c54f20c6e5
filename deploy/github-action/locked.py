"""Prints the entries of requirements.lock, with their hashes, that `countersign gate check` needs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().parents[2] / "requirements.lock"
NEEDED = (
    "annotated-doc",
    "annotated-types",
    "msgspec",
    "pydantic",
    "pydantic-core",
    "shellingham",
    "typer",
    "typing-extensions",
    "typing-inspection",
)


def entries(lock: str) -> dict[str, str]:
    """Name → entry (its first line and the indented ones after it)."""
    found = re.finditer(r"^([A-Za-z0-9._-]+)==.*\n(?:[ \t].*\n)*", lock, re.MULTILINE)
    return {entry[1]: entry[0] for entry in found}


def main() -> None:
    known = entries(LOCK.read_text())
    missing = [name for name in NEEDED if name not in known]
    if missing:
        sys.exit(f"expected {', '.join(missing)} in requirements.lock, found no entry. Run `make lock`.")
    sys.stdout.write("".join(known[name] for name in NEEDED))


if __name__ == "__main__":
    main()
