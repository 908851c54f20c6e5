"""JSON Schemas (2020-12) of `release.yaml` and of policies, for editors.

They help while writing; the parsers judge. Whatever a parser accepts, its schema accepts, save an unquoted
SHA-256 that happens to look like a number. The words' forms are the parsers' own.
``python -m manifests.schemas [folder]`` writes them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from manifests.schemas_policy import policy_schema, tenant_policy_schema
from manifests.schemas_release import release_schema
from manifests.schemas_shapes import Schema

__all__ = ["FOLDER", "documents", "policy_schema", "release_schema", "tenant_policy_schema", "write"]

FOLDER = Path("docs/schemas")


def documents() -> dict[str, str]:
    """File name → the text of each schema."""
    schemas: dict[str, Schema] = {
        "release.schema.json": release_schema(),
        "countersign.schema.json": policy_schema(),
        "tenant.schema.json": tenant_policy_schema(),
    }
    return {name: json.dumps(schema, indent=2) + "\n" for name, schema in schemas.items()}


def write(folder: Path) -> None:
    """Write every schema into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
