"""A log over HTTP for those who verify it: the checkpoint, the tiles (C2SP tlog-tiles) and proofs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, TypeVar

import msgspec
from aiohttp import web

from app.audit import proofs, store, tiles
from app.audit.access import log_of
from app.audit.errors import NoProofError, NoTileError, RecordAlteredError, TreeAlteredError
from app.audit.proofs import Consistency, Inclusion
from app.audit.tiles import Tile
from app.db.database import Database, Unit
from app.db.tx import Tx
from app.http.body import answer, query
from app.http.problem import Problem
from app.http.route import Route
from app.tokens.model import Permission
from manifests.note import VerifierKey

PATH = "/api/v1/log"
_BYTES = "Bytes, as C2SP tlog-tiles has them; 404 where the log's newest tree has no such tile."
T = TypeVar("T")


class LogQuery(msgspec.Struct, frozen=True):
    """``log`` empty: the tenant's own; ``system`` needs the permission ``admin``."""

    log: str = ""


class CheckpointQuery(LogQuery, frozen=True):
    """``witnessed``: the newest one that a witness cosigned, which may be older."""

    witnessed: bool = False


class InclusionQuery(LogQuery, frozen=True):
    format: Literal["json", "tlog-proof"] = "json"


class ConsistencyQuery(LogQuery, frozen=True, kw_only=True):
    """Two sizes of the log; ``new`` left out is that of the newest checkpoint."""

    old: int
    new: int | None = None
    format: Literal["json", "witness"] = "json"


class LogViews:
    """``verifiers`` gives the keys that a log's checkpoints must be signed with."""

    def __init__(self, database: Database, verifiers: Callable[[str], Sequence[VerifierKey]]) -> None:
        self._database = database
        self._verifiers = verifiers

    def routes(self) -> tuple[Route, ...]:
        read = Permission.AUDIT_READ
        return (
            Route(
                method="GET", path=f"{PATH}/checkpoint", handler=self.checkpoint, permission=read,
                query=CheckpointQuery, summary="The log's newest signed checkpoint",
                description="Text: a C2SP tlog-checkpoint.",
            ),
            Route(
                method="GET", path=PATH + "/tile/entries/{index:.+}", handler=self.entries, permission=read,
                query=LogQuery, summary="An entry bundle: the exact bytes of 256 records, or of the last ones",
                description=_BYTES,
            ),
            Route(
                method="GET", path=PATH + "/tile/{level:[0-5]}/{index:.+}", handler=self.tile, permission=read,
                query=LogQuery, summary="A tile of 256 hashes of the log's Merkle tree, or of the last ones",
                description=_BYTES,
            ),
            Route(
                method="GET", path=PATH + "/proofs/inclusion/{seq:[0-9]{1,16}}", handler=self.inclusion,
                permission=read, query=InclusionQuery, response=Inclusion,
                summary="Proof that a record is in the log",
                description="Under the newest checkpoint. `format=tlog-proof` answers the text of C2SP tlog-proof.",
            ),
            Route(
                method="GET", path=f"{PATH}/proofs/consistency", handler=self.consistency, permission=read,
                query=ConsistencyQuery, response=Consistency,
                summary="Proof that the log of one size is the beginning of the log of another",
                description="`format=witness` answers the text that a C2SP witness is sent.",
            ),
        )  # fmt: skip

    async def checkpoint(self, request: web.Request) -> web.Response:
        asked = query(request, CheckpointQuery)
        log = log_of(request, asked.log)
        newest = await self._database.read(partial(store.witnessed if asked.witnessed else store.checkpoint, log=log))
        if newest is None:
            raise Problem(
                404, "audit.empty", "There is no such checkpoint", found="none",
                expected=f"a log {log} with records" + (" that a witness cosigned" if asked.witnessed else ""),
                remedy="Ask again when something has been recorded, and when the witnesses have been asked.",
            )  # fmt: skip
        return _text(newest.note)

    async def entries(self, request: web.Request) -> web.Response:
        return await self._tile(request, "entries")

    async def tile(self, request: web.Request) -> web.Response:
        return await self._tile(request, request.match_info["level"])

    async def inclusion(self, request: web.Request) -> web.Response:
        asked, seq = query(request, InclusionQuery), int(request.match_info["seq"])
        log = log_of(request, asked.log)
        found = await self._read(partial(proofs.inclusion, log=log, seq=seq, keys=self._verifiers(log)))
        return answer(found) if asked.format == "json" else _text(found.tlog_proof())

    async def consistency(self, request: web.Request) -> web.Response:
        asked = query(request, ConsistencyQuery)
        log = log_of(request, asked.log)
        keys = self._verifiers(log)

        def unit(tx: Tx) -> Consistency:
            new = asked.new if asked.new is not None else store.head(tx, log).size
            return proofs.consistency(tx, log, asked.old, new, keys)

        found = await self._read(unit)
        return answer(found) if asked.format == "json" else _text(found.witness_request())

    async def _tile(self, request: web.Request, level: str) -> web.Response:
        log = log_of(request, query(request, LogQuery).log)

        def unit(tx: Tx) -> bytes:
            newest = store.checkpoint(tx, log)
            tile = Tile.parse(f"tile/{level}/{request.match_info['index']}")
            return tiles.read(tx, log, tile, newest.size if newest is not None else 0)

        return web.Response(body=await self._read(unit), content_type="application/octet-stream")

    async def _read(self, unit: Unit[T]) -> T:
        try:
            return await self._database.read(unit)
        except (NoProofError, NoTileError) as error:
            raise Problem(
                404, error.code, "Not in the log", detail=str(error), remedy="Ask for something below its newest size."
            ) from None
        except (RecordAlteredError, TreeAlteredError) as error:
            raise Problem(500, error.code, "The log was altered", detail=str(error), remedy=error.remedy) from error


def _text(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/plain")
