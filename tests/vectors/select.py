"""Makes merkle.json, tiles.json and jcs.json out of checkouts of the projects that ORIGIN.md names.

usage: python tests/vectors/select.py <folder that holds merkle, tessera, sunlight and json-canonicalization>

Everything of a kind is taken, nothing is changed but the packing. The eight leaves of merkle.json and the paths of
tiles.json were written off by hand (constants in source code and examples in text) and stay as they are. notes.json
was put together by hand throughout.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SUNLIGHT = "cmd/skylight/testdata/witness/mirror/000de184301123b9278c086a7d9f68c9577e83872224c197058fd90784ea9706"
"""A log of 300 leaves as a mirror keeps it. Its entry bundles are left out: they are compressed."""
PATHS = [
    {"path": "tile/0/000", "level": 0, "index": 0, "width": 256},
    {"path": "tile/0/x001/x234/067", "level": 0, "index": 1_234_067, "width": 256},
    {"path": "tile/0/x001/x234/067.p/8", "level": 0, "index": 1_234_067, "width": 8},
    {"path": "tile/entries/x001/x234/067", "level": -1, "index": 1_234_067, "width": 256},
    {"path": "tile/5/x123/x456/078", "level": 5, "index": 123_456_078, "width": 256},
    {"path": "tile/5/x123/x456/078.p/2", "level": 5, "index": 123_456_078, "width": 2},
    {"path": "tile/1/x003/x057/500", "level": 1, "index": 3_057_500, "width": 256},
]


def merkle(folder: Path) -> dict[str, Any]:
    """All cases of inclusion and consistency, good and spoilt."""
    found: dict[str, Any] = {}
    for kind in ("inclusion", "consistency"):
        top = folder / "testdata" / kind
        names = sorted(path.relative_to(top).as_posix() for path in top.rglob("*.json"))
        found[kind] = [{**json.loads((top / name).read_text()), "file": name} for name in names]
    found["eight_leaves"] = json.loads((HERE / "merkle.json").read_text())["eight_leaves"]
    return found


def tiles(tessera: Path, sunlight: Path) -> dict[str, Any]:
    """Tessera's log at every size, and Sunlight's tiles of two levels."""
    tile, log = tessera / "testdata/log/tile", sunlight / SUNLIGHT
    sizes = sorted(int(path.name) for path in (tile / "0/000.p").iterdir())
    return {
        "paths": PATHS,
        "tessera": [
            {"entries": _base64(tile / f"entries/000.p/{size}"), "tile": _base64(tile / f"0/000.p/{size}")}
            for size in sizes
        ],
        "sunlight": [
            {
                "checkpoint": (log / "checkpoint").read_text().rstrip("\n") + "\n",
                "tile_0_000": _base64(log / "tile/0/000"),
                "tile_0_001_p_44": _base64(log / "tile/0/001.p/44"),
                "tile_1_000_p_1": _base64(log / "tile/1/000.p/1"),
            }
        ],
    }


def jcs(folder: Path) -> dict[str, Any]:
    """Every input and the bytes that RFC 8785 asks for."""
    top = folder / "testdata"
    cases = [
        {"name": path.stem, "input": path.read_text(), "output": (top / "output" / path.name).read_text()}
        for path in sorted((top / "input").glob("*.json"))
    ]
    return {"cases": cases}


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _write(name: str, found: dict[str, Any]) -> None:
    """A case to a line."""
    parts = []
    for key, cases in found.items():
        rows = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
        parts.append(f"{json.dumps(key)}: [\n{rows}\n]")
    (HERE / name).write_text("{\n" + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    checkouts = Path(sys.argv[1])
    _write("merkle.json", merkle(checkouts / "merkle"))
    _write("tiles.json", tiles(checkouts / "tessera", checkouts / "sunlight"))
    _write("jcs.json", jcs(checkouts / "json-canonicalization"))
