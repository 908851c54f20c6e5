"""Whether the kept roots of subtrees, of which proofs and tiles are made, are those of the records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from app.verification.judge import Judge
from manifests.merkle import TILE_HEIGHT, Subtree


class Kept(NamedTuple):
    """What is judged: subtrees that end after record ``first`` and not after ``until``, of a log of ``size`` records.
    ``whole`` False: records are missing, so that nothing is said of what lies beyond the last."""

    first: int
    until: int
    size: int
    whole: bool


def judge_tree(
    judge: Judge, stored: Sequence[tuple[object, object, bytes]], subtrees: Sequence[Subtree], kept: Kept
) -> None:
    """Tells each root that was altered, is missing or belongs to no subtree."""
    if kept.until == kept.size and stored == sorted(subtrees):
        return
    found: dict[tuple[int, int], bytes] = {}
    for level, position, root in stored:
        if not isinstance(level, int) or not isinstance(position, int) or level < 1 or position < 0:
            _strange(judge, level, position)
            continue
        found[level, position] = root
        if kept.whole and _end(level, position) > kept.size:
            _strange(judge, level, position)
    missing: list[Subtree] = []
    for subtree in sorted(subtrees):
        if not kept.first < _end(subtree.level, subtree.position) <= kept.until:
            continue
        root_there = found.get((subtree.level, subtree.position))
        if root_there is None:
            missing.append(subtree)
        elif root_there != subtree.hash:
            _altered(judge, subtree, root_there)
    for run in _runs(missing):
        _missing(judge, run)


def _altered(judge: Judge, subtree: Subtree, found: bytes) -> None:
    message = (
        f"{_named([subtree])} of log {judge.log}: altered: expected {subtree.hash.hex()}, as the records have it, "
        f"found {found.hex()}."
    )
    judge.add("audit.tree_hash_altered", _begin(subtree), message)


def _missing(judge: Judge, run: Sequence[Subtree]) -> None:
    judge.add("audit.tree_hash_missing", _begin(run[0]), f"{_named(run)} of log {judge.log}: missing.")


def _strange(judge: Judge, level: object, position: object) -> None:
    message = f"tree hash {position!r} of level {level!r} of log {judge.log}: strange: the log has no such subtree."
    judge.add("audit.tree_hash_strange", None, message)


def _named(run: Sequence[Subtree]) -> str:
    first, last = run[0], run[-1]
    which = f"tree hash {first.position}" if len(run) == 1 else f"tree hashes {first.position} to {last.position}"
    return f"{which} of level {first.level} (records {_begin(first)} to {_end(last.level, last.position) - 1})"


def _runs(subtrees: Sequence[Subtree]) -> list[list[Subtree]]:
    runs: list[list[Subtree]] = []
    for subtree in subtrees:
        last = runs[-1][-1] if runs else None
        if last is not None and (last.level, last.position + 1) == (subtree.level, subtree.position):
            runs[-1].append(subtree)
        else:
            runs.append([subtree])
    return runs


def _begin(subtree: Subtree) -> int:
    return subtree.position << TILE_HEIGHT * subtree.level


def _end(level: int, position: int) -> int:
    # A level that no log reaches must not make a number that no memory holds.
    return (position + 1) << TILE_HEIGHT * min(level, 16)
