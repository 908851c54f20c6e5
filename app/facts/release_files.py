"""Which releases a pull request makes, what their manifests say, and the revision of everything they name."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from app.facts.content import RepositoryContent
from app.facts.reading import Reading
from app.policy.trial import is_tests
from gates.glob import matches
from integrations.errors import RefusedError
from integrations.github.port import ChangedFile, GitHub, Pull
from manifests.canonical import sha256_hex
from manifests.errors import ManifestError, Problem
from manifests.policy import POLICY_PATH
from manifests.release import SCHEMA, Artifact, Release
from manifests.release_parser import MAX_BYTES, referenced_paths
from manifests.revision import revision

MAX_CHANGED_FILES = 3000
POLICY_ENVIRONMENT = "policy"
HIDDEN = "(more files than GitHub shows)"
"""Stands for the releases that may be among the files that GitHub does not list."""

Key = tuple[int, str]
"""The id and the name of a repository."""


class ReleaseFiles:
    """Reads what a release is made of at one commit."""

    def __init__(self, content: RepositoryContent, reading: Reading) -> None:
        self._content = content
        self._reading = reading

    async def paths(
        self, github: GitHub, key: Key, glob: str, commit: str, files: Sequence[ChangedFile]
    ) -> tuple[str, ...]:
        """Manifests that the pull request changes, or whose folder it changes something in. Raises NeighbourError."""
        changed = changed_paths(files)
        found = {path for path in changed if matches(glob, path)}
        for path in _neighbours(changed, posixpath.basename(glob)) - found:
            if matches(glob, path) and await self._is_there(github, key, path, commit):
                found.add(path)
        tested = any(is_tests(path) for path in changed)
        if POLICY_PATH in changed or (tested and await self._is_there(github, key, POLICY_PATH, commit)):
            found.add(POLICY_PATH)
        if len(files) >= MAX_CHANGED_FILES:
            found.add(HIDDEN)
        return tuple(sorted(found))

    async def _is_there(self, github: GitHub, key: Key, path: str, commit: str) -> bool:
        try:
            return await self._content.file(github, key, path, commit, MAX_BYTES) is not None
        except RefusedError:
            return True

    async def manifest(
        self, github: GitHub, key: Key, path: str, pull: Pull
    ) -> tuple[bytes | None, Release | None, tuple[Problem, ...]]:
        """The bytes of the manifest at the head, and what they say or what is wrong with them."""
        if path == HIDDEN:
            return None, None, (_HIDDEN_PROBLEM,)
        try:
            text = await self._content.file(github, key, path, pull.head_sha, MAX_BYTES)
        except RefusedError as error:
            problem = Problem("release.unreadable", f"{path} cannot be read: {error}", "Make it a small file.", path)
            return None, None, (problem,)
        return text, *self._parsed(text, path, pull)

    def _parsed(self, text: bytes | None, path: str, pull: Pull) -> tuple[Release | None, tuple[Problem, ...]]:
        if text is None:
            problem = Problem(
                "release.removed", f"{path} is removed by this pull request.",
                "Leave it in place: a release that went live is history.", path,
            )  # fmt: skip
            return None, (problem,)
        if path == POLICY_PATH:
            # What it says, and whether that is sound, is another question (PolicyReviewer).
            return _policy_release(text, pull), ()
        try:
            return self._reading.release(text, path), ()
        except ManifestError as error:
            return None, error.problems

    async def revision(
        self, github: GitHub, key: Key, path: str, text: bytes, release: Release, commit: str
    ) -> tuple[str, tuple[Problem, ...]]:
        """The revision, or an empty one with the files that cannot be read: nobody can consent to those."""
        digests = {path: sha256_hex(text)}
        problems = []
        for named in named_paths(release, path):
            try:
                found = await self._content.digest(github, key, named, commit)
            except RefusedError as error:
                problems.append(_unreadable(path, named, str(error)))
                continue
            if found is None:
                problems.append(_unreadable(path, named, "there is no such file at this commit"))
            else:
                digests[named] = found.sha256
        return ("" if problems else revision(digests)), tuple(problems)

    async def revision_at(self, github: GitHub, key: Key, path: str, commit: str) -> str:
        """The revision of a release at any commit; empty when it is not there or unreadable."""
        try:
            text = await self._content.file(github, key, path, commit, MAX_BYTES)
        except RefusedError:
            return ""
        if text is None:
            return ""
        if path == POLICY_PATH:
            return revision({path: sha256_hex(text)})
        try:
            release = self._reading.release(text, path)
        except ManifestError:
            return ""
        return (await self.revision(github, key, path, text, release, commit))[0]


def named_paths(release: Release, path: str) -> tuple[str, ...]:
    """The files that the manifest at ``path`` names. A policy names none."""
    return tuple(referenced_paths(release, path)) if path != POLICY_PATH else ()


def changed_paths(files: Sequence[ChangedFile]) -> set[str]:
    """Every path that a pull request touches, old names of renamed files too."""
    return {path for file in files for path in (file.path, file.previous_path) if path}


def owned_paths(release: Release | None, path: str, files: Sequence[ChangedFile]) -> tuple[str, ...]:
    """The files whose owners answer for a release: its manifest, all that it names, and whatever of its folder the
    pull request changes."""
    named = named_paths(release, path) if release is not None else ()
    folder = posixpath.dirname(path)
    beside = {one for one in changed_paths(files) if path != POLICY_PATH and one.startswith(f"{folder}/")}
    return tuple(sorted({path, *named, *beside}))


_HIDDEN_PROBLEM = Problem(
    "release.too_many_files",
    f"The pull request changes {MAX_CHANGED_FILES} files or more, and GitHub hides the rest.",
    "Split the pull request.",
)


def _unreadable(path: str, named: str, why: str) -> Problem:
    return Problem(
        "release.file_unreadable", f"{named}, which {path} names, cannot be read: {why}.",
        "Commit the file, or correct the name in the manifest.", path,
    )  # fmt: skip


def _policy_release(text: bytes, pull: Pull) -> Release:
    """A changed policy is a release too: of the policy file, into the environment ``policy``."""
    digest = sha256_hex(text)
    return Release(
        SCHEMA, "policy", "countersign-policy", digest[:12], pull.title, (POLICY_ENVIRONMENT,),
        (Artifact("countersign.yaml", digest, len(text), posixpath.basename(POLICY_PATH)),),
    )  # fmt: skip


def _neighbours(changed: set[str], name: str) -> set[str]:
    """A manifest of this name in the folder of each path and in every folder above."""
    found: set[str] = set()
    for path in changed:
        folder = posixpath.dirname(path)
        while folder:
            found.add(posixpath.join(folder, name))
            folder = posixpath.dirname(folder)
    return found
