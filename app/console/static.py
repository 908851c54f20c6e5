"""Style sheets and scripts, served from memory under the digest of all of them, so that they can be kept for good."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from manifests.canonical import sha256_hex

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Static:
    """``path`` is the route; ``url`` gives the address of one file."""

    path = "/static/{version}/{name}"

    def __init__(self, folder: Path = _FOLDER) -> None:
        self._files = {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.suffix in _TYPES}
        self._version = sha256_hex(b"".join(self._files.values()))[:12]

    def url(self, name: str) -> str:
        if name not in self._files:
            raise KeyError(name)
        return f"/static/{self._version}/{name}"

    async def serve(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._files or request.match_info["version"] != self._version:
            raise web.HTTPNotFound
        return web.Response(
            body=self._files[name], content_type=_TYPES[Path(name).suffix], charset="utf-8",
            headers={"Cache-Control": "public, max-age=31536000, immutable"},
        )  # fmt: skip
