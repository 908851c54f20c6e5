"""A Git object store in memory: real object ids, histories, merge bases and diffs. A tree is {path: bytes}."""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

_LEFT, _RIGHT, _BOTH = 1, 2, 3


class Identity(msgspec.Struct, frozen=True):
    """Who a commit names: whatever the committer typed, and not proof of anyone."""

    name: str
    email: str


class StoredCommit(msgspec.Struct, frozen=True):
    """``at`` in microseconds since 1970 UTC. ``height``: the longest way to a root, which orders walks."""

    sha: str
    tree: str
    files: Mapping[str, bytes]
    parents: tuple[str, ...]
    author: Identity
    committer: Identity
    message: str
    at: int
    verified: bool
    height: int


class Change(msgspec.Struct, frozen=True):
    path: str
    status: str
    sha: str
    previous_path: str | None = None
    additions: int = 0
    deletions: int = 0


class ObjectStore:
    """Commits of every repository: forks share their objects, as at GitHub."""

    def __init__(self) -> None:
        self._commits: dict[str, StoredCommit] = {}
        self._blobs: dict[bytes, str] = {}
        self._trees: dict[str, Mapping[str, bytes]] = {}

    def find(self, sha: str) -> StoredCommit | None:
        return self._commits.get(sha)

    def __getitem__(self, sha: str) -> StoredCommit:
        return self._commits[sha]

    def commit(
        self,
        files: Mapping[str, bytes],
        parents: Iterable[str],
        author: Identity,
        committer: Identity,
        message: str,
        at: int,
        verified: bool = False,
    ) -> StoredCommit:
        """Stores a commit and gives it the id that Git would."""
        parents = tuple(parents)
        tree = self.tree_id(files)
        seconds = at // 1_000_000
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        lines.append(f"author {author.name} <{author.email}> {seconds} +0000")
        lines.append(f"committer {committer.name} <{committer.email}> {seconds} +0000")
        sha = _object_id("commit", ("\n".join(lines) + "\n\n" + message).encode())
        height = 1 + max((self._commits[parent].height for parent in parents), default=0)
        made = StoredCommit(sha, tree, dict(files), parents, author, committer, message, at, verified, height)
        self._trees.setdefault(tree, made.files)
        return self._commits.setdefault(sha, made)

    def tree(self, sha: str) -> Mapping[str, bytes] | None:
        """The files of the tree of some commit."""
        return self._trees.get(sha)

    def blob_id(self, data: bytes) -> str:
        if data not in self._blobs:
            self._blobs[data] = _object_id("blob", data)
        return self._blobs[data]

    def tree_id(self, files: Mapping[str, bytes]) -> str:
        """The id of the tree that holds exactly these files, all with mode 100644."""
        below: dict[str, dict[str, bytes]] = {}
        entries: list[tuple[bytes, bytes]] = []
        for path, data in files.items():
            first, slash, rest = path.partition("/")
            if slash:
                below.setdefault(first, {})[rest] = data
            else:
                entries.append((first.encode(), b"100644 %b\0%b" % (first.encode(), _raw(self.blob_id(data)))))
        for name, inner in below.items():
            entry = b"40000 %b\0%b" % (name.encode(), _raw(self.tree_id(inner)))
            entries.append((name.encode() + b"/", entry))
        return _object_id("tree", b"".join(entry for _, entry in sorted(entries)))

    def folders(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Every folder of a tree, with the id of the tree it is."""
        names = {path[:place] for path in files for place, letter in enumerate(path) if letter == "/"}
        return {
            name: self.tree_id({path[len(name) + 1 :]: files[path] for path in files if path.startswith(name + "/")})
            for name in sorted(names)
        }

    def reaches(self, tip: str, sha: str) -> bool:
        """Whether ``sha`` is ``tip`` or an ancestor of it."""
        return self.merge_base(tip, sha) == sha

    def merge_base(self, left: str, right: str) -> str | None:
        flags = self._painted(left, right)
        both = [sha for sha, flag in flags.items() if flag == _BOTH]
        return max(both, key=lambda sha: self._commits[sha].height, default=None)

    def log(self, base: str, head: str) -> list[StoredCommit]:
        """Commits reachable from ``head`` and not from ``base``, oldest first."""
        flags = self._painted(base, head)
        found = [self._commits[sha] for sha, flag in flags.items() if flag == _RIGHT]
        return sorted(found, key=lambda commit: (commit.height, commit.at))

    def _painted(self, left: str, right: str) -> dict[str, int]:
        """Which side reaches each commit, walked from the tips down to where only common history is left."""
        flags = {left: _LEFT}
        flags[right] = flags.get(right, 0) | _RIGHT
        heap = [(-self._commits[sha].height, sha) for sha in flags]
        heapq.heapify(heap)
        waiting = dict.fromkeys(flags)
        while any(flags[sha] != _BOTH for sha in waiting):
            _, sha = heapq.heappop(heap)
            waiting.pop(sha, None)
            for parent in self._commits[sha].parents:
                if parent not in flags:
                    heapq.heappush(heap, (-self._commits[parent].height, parent))
                    waiting[parent] = None
                flags[parent] = flags.get(parent, 0) | flags[sha]
        return flags

    def diff(self, before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[Change]:
        """What changed, by path. A file that vanished while its exact bytes appeared elsewhere was renamed."""
        removed = {path for path in before if path not in after}
        vanished = {self.blob_id(before[path]): path for path in sorted(removed)}
        changes: list[Change] = []
        for path, data in after.items():
            sha = self.blob_id(data)
            if path in before:
                if before[path] != data:
                    changes.append(Change(path, "modified", sha, None, *_lines(before[path], data)))
            elif sha in vanished:
                old = vanished.pop(sha)
                removed.discard(old)
                changes.append(Change(path, "renamed", sha, old))
            else:
                changes.append(Change(path, "added", sha, None, *_lines(b"", data)))
        changes.extend(
            Change(path, "removed", self.blob_id(before[path]), None, *_lines(before[path], b"")) for path in removed
        )
        return sorted(changes, key=lambda change: change.path)


def _lines(before: bytes, after: bytes) -> tuple[int, int]:
    """Lines added and deleted; none of a binary file."""
    if b"\0" in before or b"\0" in after:
        return 0, 0
    old, new = Counter(before.splitlines()), Counter(after.splitlines())
    return (new - old).total(), (old - new).total()


def _object_id(kind: str, data: bytes) -> str:
    framed = b"%b %d\0%b" % (kind.encode(), len(data), data)
    return hashlib.sha1(framed, usedforsecurity=False).hexdigest()


def _raw(sha: str) -> bytes:
    return bytes.fromhex(sha)
