"""Read a blob that lies outside the database."""

from __future__ import annotations

from collections.abc import Sequence

from app.blobs.errors import BlobAlteredError, BlobElsewhereError
from app.blobs.places import Place
from app.blobs.store import verified
from app.sinks.model import Sink
from integrations.errors import NeighbourError


async def outside(elsewhere: BlobElsewhereError, sinks: Sequence[Sink]) -> bytes:
    """The blob from the first of its places that has it whole.

    Raises BlobAlteredError, or ``elsewhere`` again where none of its places can be read.
    """
    altered: BlobAlteredError | None = None
    for place in elsewhere.places:
        body = await _at(place, sinks)
        if body is None:
            continue
        try:
            return verified(elsewhere.digest, body)
        except BlobAlteredError as error:
            altered = error
    raise altered or elsewhere


async def _at(place: Place, sinks: Sequence[Sink]) -> bytes | None:
    for sink in sinks:
        if sink.name != place.sink or sink.blobs is None:
            continue
        try:
            data = await sink.blobs.fetch(place.key, place.version)
        except NeighbourError:
            return None
        return data[place.start : place.start + place.size]
    return None
