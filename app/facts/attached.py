"""The lineage and evidence that a manifest names, as they are at one commit."""

from __future__ import annotations

import posixpath

from app.facts.content import RepositoryContent
from app.facts.documents import LINEAGE, ReadDocument
from app.facts.reading import Reading
from integrations.errors import RefusedError
from integrations.github.port import GitHub
from manifests.policy import TrustedSigner
from manifests.release import Release

MAX_DOCUMENT_BYTES = 10 * 1024 * 1024


class Attached:
    def __init__(self, content: RepositoryContent, reading: Reading) -> None:
        self._content = content
        self._reading = reading

    async def read(
        self, github: GitHub, key: tuple[int, str], commit: str, path: str, release: Release,
        trusted: tuple[TrustedSigner, ...], compared: tuple[tuple[str, str], ...],
    ) -> tuple[tuple[bytes, ...], tuple[ReadDocument, ...]]:  # fmt: skip
        """The bytes of those that are there, and what each of all of them says. Raises NeighbourError."""
        folder = posixpath.dirname(path)
        named = [(LINEAGE, release.lineage)] if release.lineage else []
        named += [(reference.type, reference.path) for reference in release.evidence]
        sources: list[bytes] = []
        read: list[ReadDocument] = []
        for type, relative in named:
            where = posixpath.normpath(posixpath.join(folder, relative))
            fault = ""
            try:
                data = await self._content.file(github, key, where, commit, MAX_DOCUMENT_BYTES)
            except RefusedError as error:
                data, fault = None, f"{where} cannot be read: {error}"
            read.append(self._reading.document(data, where, type, trusted, fault, compared))
            if data is not None:
                sources.append(data)
        return tuple(sources), tuple(read)
