"""Where the bytes of each artifact are, and what digest they have there."""

from __future__ import annotations

import posixpath

import msgspec
from sqlalchemy import text

from app.clock import Clock
from app.db.database import Database
from app.db.tx import Tx
from app.facts.content import RepositoryContent
from gates.model import ArtifactFacts, SignedDocument
from integrations.artifacts.port import ArtifactSource
from integrations.errors import NeighbourError, NotFoundError, RefusedError
from integrations.github.port import GitHub
from manifests.release import Artifact, Release

_CHECKED = text("SELECT facts_json FROM artifact_checks WHERE uri = :uri AND sha256 = :sha256")
_SAVE = text(
    "INSERT INTO artifact_checks (uri, sha256, facts_json, at) VALUES (:uri, :sha256, :facts, :at)"
    " ON CONFLICT (uri, sha256) DO UPDATE SET facts_json = excluded.facts_json, at = excluded.at"
)


class Artifacts:
    """Finds artifacts in the repository, behind Git LFS pointers, at addresses or in signed manifests."""

    def __init__(
        self, database: Database, content: RepositoryContent, source: ArtifactSource, clock: Clock, limit: int
    ) -> None:
        self._database = database
        self._content = content
        self._source = source
        self._clock = clock
        self._limit = limit

    async def find(
        self, github: GitHub, repository: tuple[int, str], commit: str, manifest_path: str, release: Release,
        lineage: SignedDocument | None,
    ) -> tuple[ArtifactFacts, ...]:  # fmt: skip
        folder = posixpath.dirname(manifest_path)
        return tuple(
            [await self._one(github, repository, commit, folder, artifact, lineage) for artifact in release.artifacts]
        )

    async def _one(
        self, github: GitHub, repository: tuple[int, str], commit: str, folder: str, artifact: Artifact,
        lineage: SignedDocument | None,
    ) -> ArtifactFacts:  # fmt: skip
        if artifact.path is not None:
            path = posixpath.normpath(posixpath.join(folder, artifact.path))
            return await self._in_repository(github, repository, commit, path, artifact)
        if artifact.uri is not None:
            return await self._at_address(artifact, artifact.uri)
        named = lineage is not None and any(subject.sha256 == artifact.sha256 for subject in lineage.subjects)
        if named:
            return ArtifactFacts(artifact.name, "present", "manifest", found=artifact.sha256)
        return ArtifactFacts(
            artifact.name,
            "absent",
            detail="It has neither path nor uri, and the lineage does not name its digest.",
        )

    async def _in_repository(
        self, github: GitHub, repository: tuple[int, str], commit: str, path: str, artifact: Artifact
    ) -> ArtifactFacts:
        try:
            found = await self._content.digest(github, repository, path, commit)
        except RefusedError as error:
            return ArtifactFacts(artifact.name, "unreadable", "repository", detail=str(error))
        if found is None:
            return ArtifactFacts(artifact.name, "absent", "repository", detail=f"There is no file {path}.")
        if found.pointer is not None:
            return _compared(artifact, "lfs", found.pointer.sha256, found.pointer.size)
        return _compared(artifact, "repository", found.sha256, found.size)

    async def _at_address(self, artifact: Artifact, uri: str) -> ArtifactFacts:
        row = await self._database.read(lambda tx: tx.first(_CHECKED, uri=uri, sha256=artifact.sha256))
        if row is not None:
            return msgspec.structs.replace(msgspec.json.decode(row.facts_json, type=ArtifactFacts), name=artifact.name)
        try:
            found = await self._source.digest(uri, self._limit)
        except NotFoundError:
            return ArtifactFacts(artifact.name, "absent", "uri", detail=f"There is nothing at {uri.partition('?')[0]}.")
        except NeighbourError as error:
            return ArtifactFacts(artifact.name, "unreadable", "uri", detail=str(error))
        facts = _compared(artifact, "uri", found.sha256, found.size)
        # Only what was right is remembered: its digest cannot become wrong, and what is wrong may be mended.
        if facts.status == "present":
            await self._database.write(lambda tx: self._save(tx, uri, artifact.sha256, facts))
        return facts

    def _save(self, tx: Tx, uri: str, sha256: str, facts: ArtifactFacts) -> None:
        tx.run(_SAVE, uri=uri, sha256=sha256, facts=msgspec.json.encode(facts).decode(), at=self._clock())


def _compared(artifact: Artifact, where: str, sha256: str, size: int) -> ArtifactFacts:
    facts = ArtifactFacts(artifact.name, "present", where, found=sha256, size=size)  # type: ignore[arg-type]
    if sha256 != artifact.sha256:
        return msgspec.structs.replace(facts, status="mismatch", detail=f"The bytes there have SHA-256 {sha256}.")
    if artifact.size is not None and size != artifact.size:
        return msgspec.structs.replace(facts, status="mismatch", detail=f"There are {size} bytes there.")
    return facts
