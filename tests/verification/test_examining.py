"""The quick look at whole columns says what the look at each row says; trees grow the same by leaves and by tiles."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.verification import examine as quick
from app.verification import rows as slow
from app.verification.envelope import Stretch
from app.verification.examine import examine
from app.verification.growing import Growing
from app.verification.judge import Judge
from app.verification.parallel import Task
from app.verification.port import RecordRow
from app.verification.tree import Kept, judge_tree
from manifests import merkle, record
from manifests.merkle import TILE_WIDTH, Frontier, Subtree, leaf_hash
from tests.audit.made import draft

_LEAVES = [leaf_hash(number.to_bytes(4, "big")) for number in range(3000)]


def rows(count: int, traces: int = 3) -> list[RecordRow]:
    """A log of ``count`` records as it should be stored."""
    ends: dict[str, tuple[int, str]] = {}
    made: list[RecordRow] = []
    for seq in range(count):
        item = draft(seq, f"release-{seq % traces}")
        tseq, prev = ends.get(item.trace_id, (0, record.FIRST_PREV))
        body = record.seal(item, log="acme", seq=seq, tseq=tseq, prev=prev)
        ends[item.trace_id] = (tseq + 1, leaf_hash(body).hex())
        made.append((seq, body, leaf_hash(body), item.trace_id, tseq, item.resource, item.event, item.ts))
    return made


ROWS = rows(40)
_OTHER = {int: st.integers(-5, 60), str: st.sampled_from(("x", "", "release-1")), bytes: st.binary(max_size=40)}


@st.composite
def altered(draw: st.DrawFn) -> list[RecordRow]:
    """Some rows of the log, perhaps with one value another, one row gone, one twice, or two in each other's place."""
    found = [list(row) for row in ROWS]
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(found) - 1))
        match draw(st.sampled_from(("value", "gone", "twice", "swapped"))):
            case "value":
                column = draw(st.integers(0, 7))
                found[at][column] = draw(_OTHER[type(ROWS[0][column])])
            case "gone":
                del found[at]
            case "twice":
                found.insert(at, found[at])
            case _:
                other = draw(st.integers(0, len(found) - 1))
                found[at], found[other] = found[other], found[at]
    return [tuple(row) for row in found]  # type: ignore[misc]


@given(altered())
def test_what_the_quick_look_passes_is_right_row_by_row(stored: list[RecordRow]) -> None:
    found = quick._right("acme", 0, stored, thorough=True)
    expected = slow.examine("acme", 0, stored, thorough=True)
    if found is None:
        assert expected.gaps or expected.odd or expected.broken or expected.strangers
    else:
        assert found == expected
    assert examine("acme", 0, stored, thorough=True) == expected


def test_another_logs_records_are_not_this_ones() -> None:
    assert len(examine("other", 0, ROWS, thorough=False).odd) == len(ROWS)


@given(st.data())
def test_a_tree_grows_the_same_by_leaves_and_by_tiles(data: st.DataObject) -> None:
    size = data.draw(st.integers(0, len(_LEAVES)))
    cuts = sorted(data.draw(st.sets(st.integers(0, size), max_size=6)) | {0, size})
    growing = Growing(Frontier())
    for first, stop in pairwise(cuts):
        joined = b"".join(_LEAVES[first:stop])
        tiles = quick._tiles(first, joined) if data.draw(st.booleans()) else b""
        growing.take(Stretch(first, stop, joined, tiles))
        target = data.draw(st.integers(growing.frontier.size, stop))
        frontier, completed = growing.ahead(target)
        assert frontier.root() == merkle.root(_LEAVES[:target])
        if data.draw(st.booleans()):
            growing.advance(frontier, completed)
    growing.advance(*growing.ahead(growing.have))
    assert growing.frontier.root() == merkle.root(_LEAVES[:size])
    assert sorted(growing.subtrees) == sorted(Frontier().extend(_LEAVES[:size]))


@given(st.integers(0, 2500), st.integers(0, 499), st.binary(min_size=32, max_size=32))
def test_another_leaf_makes_another_tree(size: int, nth: int, other: bytes) -> None:
    growing = Growing(Frontier())
    growing.take(Stretch(0, size, b"".join(_LEAVES[:size])))
    changed = {nth % size: other} if size else {}
    leaves = [changed.get(number, leaf) for number, leaf in enumerate(_LEAVES[:size])]
    assert growing.ahead(size, changed)[0].root() == merkle.root(leaves)


@given(st.integers(0, 5000), st.integers(1, 40_000), st.integers(1, 9))
def test_processes_share_all_records_in_whole_tiles(first: int, records: int, processes: int) -> None:
    task = Task("", "", "acme", first, first + records, thorough=False)
    blocks = task.blocks(processes)
    assert [stop for _, stop in blocks[:-1]] == [start for start, _ in blocks[1:]]
    assert (blocks[0][0], blocks[-1][1]) == (first, first + records)
    assert all(start % TILE_WIDTH == 0 for start, _ in blocks[1:])


@given(st.data())
def test_each_kept_hash_that_is_not_the_trees_is_named(data: st.DataObject) -> None:
    size = data.draw(st.integers(0, len(_LEAVES)))
    subtrees = Frontier().extend(_LEAVES[:size])
    stored: dict[tuple[int, int], bytes] = {(one.level, one.position): one.hash for one in subtrees}
    gone = data.draw(st.sets(st.sampled_from(sorted(stored)), max_size=3)) if stored else set()
    left = sorted(set(stored) - gone)
    changed = data.draw(st.sets(st.sampled_from(left), max_size=3)) if left else set()
    strange = data.draw(st.sets(st.tuples(st.integers(1, 3), st.integers(size // TILE_WIDTH, 1 << 40)), max_size=2))
    rows = [(*place, b"x" * 32 if place in changed else stored[place]) for place in left]
    judge = Judge("acme")
    judge_tree(judge, [*rows, *((*place, b"") for place in strange)], subtrees, Kept(0, size, size, whole=True))
    found = [item.code for item in judge.findings]
    assert found.count("audit.tree_hash_altered") == len(changed)
    assert found.count("audit.tree_hash_strange") == len(strange)
    assert ("audit.tree_hash_missing" in found) == bool(gone)


def test_missing_hashes_side_by_side_are_one_finding() -> None:
    subtrees = Frontier().extend(_LEAVES)
    judge = Judge("acme")
    judge_tree(judge, [], subtrees, Kept(0, 3000, 3000, whole=True))
    assert [item.message for item in judge.findings] == [
        "tree hashes 0 to 10 of level 1 (records 0 to 2815) of log acme: missing."
    ]
    assert isinstance(subtrees[0], Subtree)
