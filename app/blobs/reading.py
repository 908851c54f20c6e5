"""Read a blob wherever it lies."""

from __future__ import annotations

from collections.abc import Sequence

from app.blobs.errors import BlobAlteredError, BlobElsewhereError
from app.blobs.places import Place
from app.blobs.store import BlobStore, verified
from app.db.database import Database
from app.sinks.model import Sink
from integrations.errors import NeighbourError


class BlobReader:
    """``sinks`` are those that may hold blobs that the database does not."""

    def __init__(self, database: Database, blobs: BlobStore, sinks: Sequence[Sink]) -> None:
        self._database = database
        self._blobs = blobs
        self._sinks = {sink.name: sink.blobs for sink in sinks if sink.blobs is not None}

    async def get(self, digest: str) -> bytes:
        """Raises BlobMissingError, BlobAlteredError, or BlobElsewhereError where none of its places can be read."""
        try:
            return await self._database.read(lambda tx: self._blobs.get(tx, digest))
        except BlobElsewhereError as error:
            return await self._outside(error)

    async def _outside(self, elsewhere: BlobElsewhereError) -> bytes:
        altered: BlobAlteredError | None = None
        for place in elsewhere.places:
            body = await self._at(place)
            if body is None:
                continue
            try:
                return verified(elsewhere.digest, body)
            except BlobAlteredError as error:
                altered = error
        raise altered or elsewhere

    async def _at(self, place: Place) -> bytes | None:
        sink = self._sinks.get(place.sink)
        if sink is None:
            return None
        try:
            data = await sink.fetch(place.key, place.version)
        except NeighbourError:
            return None
        return data[place.start : place.start + place.size]
