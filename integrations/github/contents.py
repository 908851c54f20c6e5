"""Exact bytes of a file at a commit, checked against the object id that Git gives them."""

from __future__ import annotations

import base64
import binascii
import hashlib

import msgspec
from gidgethub import sansio

from integrations.errors import RefusedError, UnavailableError
from integrations.github import parse
from integrations.github.channel import Channel, names
from integrations.github.transport import RAW

_URL = "/repos/{owner}/{repo}/contents{/path*}{?ref}"
# A directory answers with an object instead of an array, so that its type can be read.
_OBJECT = sansio.accept_format(media="object")
_ENVELOPE = 8192
_content = msgspec.json.Decoder(parse.RestContent).decode


async def read_file(channel: Channel, repository: str, path: str, commit: str, limit: int) -> bytes:
    """RefusedError when it is larger than ``limit`` bytes, no regular file, or not what its id says."""
    segments = path.split("/")
    if any(segment in ("", ".", "..") for segment in segments):
        raise RefusedError(f"expected a relative path without empty, . or .. parts, found {path[:200]!r}")
    url_vars = {**names(repository), "path": segments, "ref": commit}
    body = await channel.raw(_URL, url_vars, _OBJECT)
    content = _described(body)
    if content.type != "file":
        raise RefusedError(f"expected {path} to be a file, found a {content.type}")
    if content.size > limit:
        raise RefusedError(f"expected {path} to be at most {limit} bytes, found {content.size}")
    if content.encoding == "base64":
        data = _decoded(content.content or "")
    else:
        data = await channel.raw(_URL, url_vars, RAW, limit)
    if len(data) != content.size or not _is_blob(data, content.sha):
        raise RefusedError(f"{path}: the bytes are not those of object {content.sha[:64]}; a link is no file")
    return data


def _described(body: bytes) -> parse.RestContent:
    try:
        return _content(body)
    except (msgspec.MsgspecError, RecursionError):
        pass
    raise UnavailableError("GitHub's description of a file could not be read")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        pass
    raise UnavailableError("GitHub's base64 of a file could not be read")


def _is_blob(data: bytes, object_id: str) -> bool:
    framed = b"blob %d\0%b" % (len(data), data)
    if len(object_id) == 40:
        return hashlib.sha1(framed, usedforsecurity=False).hexdigest() == object_id
    return hashlib.sha256(framed).hexdigest() == object_id
