"""Strategies for anything the model allows: any struct of any values, and the passing case with some altered."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gates.model import Policies, Snapshot
from manifests.policy import When
from tests.gates.builders import BOB, BOBS, NOW, passing
from tests.gates.tables import put

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For tests over whole snapshots: how long they take on a busy machine says nothing."""

_TEXT = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["", BOB.account, BOB.person, "production", "main", BOBS.head_sha, BOBS.revision]),
)
_INTEGERS = st.one_of(st.integers(), st.sampled_from([0, 1, 901, 7, NOW, NOW - 1, NOW + 1, 2**53]))


def anything(of: Any) -> st.SearchStrategy[Any]:
    """Values of a type of the model: structs, tuples, unions, literals and plain values."""
    origin, arguments = get_origin(of), get_args(of)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, types.UnionType):
        return st.one_of([anything(argument) for argument in arguments])
    if origin is tuple and arguments[-1] is not Ellipsis:
        return st.tuples(*(anything(argument) for argument in arguments))
    if origin is tuple:
        return st.lists(anything(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(anything(arguments[0]), anything(arguments[1]), max_size=2)
    if of is When:
        return _CONDITIONS
    if isinstance(of, type) and issubclass(of, msgspec.Struct):
        return _struct(of)
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: _TEXT,
        int: _INTEGERS,
        bool: st.booleans(),
        type(None): st.none(),
    }
    return plain[of]


def _struct(of: type[msgspec.Struct], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(of)
    names = [name for name in of.__struct_fields__ if name not in given]
    fields = given | {name: anything(hints[name]) for name in names}
    return st.fixed_dictionaries(fields).map(lambda values: of(**values))


def _conditions(within: st.SearchStrategy[When]) -> st.SearchStrategy[When]:
    many = st.lists(within, max_size=2).map(tuple)
    return _struct(When, all=many, any=many, not_=st.none() | within)


_CONDITIONS = st.recursive(_struct(When, all=st.just(()), any=st.just(()), not_=st.none()), _conditions, max_leaves=4)


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every place of a frozen structure that holds no further structure, with its value."""
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from leaves(getattr(value, name), (*path, name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, tuple) and value:
        for index, item in enumerate(value):
            yield from leaves(item, (*path, str(index)))
    else:
        yield path, value


def _literals(
    of: Any, name: str = "", found: dict[str, set[str]] | None = None, above: tuple[Any, ...] = ()
) -> dict[str, set[str]]:
    """The closed vocabularies of the model, by the name of the field that uses them."""
    found = {} if found is None else found
    if of in above:
        return found
    if get_origin(of) is Literal:
        found.setdefault(name, set()).update(get_args(of))
    elif isinstance(of, type) and issubclass(of, msgspec.Struct):
        for field, hint in get_type_hints(of).items():
            _literals(hint, field, found, (*above, of))
    else:
        for argument in get_args(of):
            _literals(argument, name, found, above)
    return found


_VOCABULARY = _literals(Snapshot) | _literals(Policies) | {"state": {"open", "closed", "merged"}}
_VOCABULARY.pop("type")


def _same_type(path: tuple[str, ...], value: Any) -> st.SearchStrategy[Any]:
    name = next(part for part in reversed(path) if not part.isdigit())
    if name in _VOCABULARY and name != "environment":
        return st.sampled_from(sorted(_VOCABULARY[name])) if isinstance(value, str) else st.just(value)
    if isinstance(value, tuple):
        return st.just(value)
    kinds: tuple[tuple[type, st.SearchStrategy[Any]], ...] = (
        (bool, st.booleans()),
        (int, _INTEGERS),
        (str, _TEXT),
    )
    return next((strategy for kind, strategy in kinds if isinstance(value, kind)), st.just(value))


@st.composite
def nearly_passing(draw: Callable[[Any], Any]) -> tuple[Policies, Snapshot]:
    """The passing case with a few leaves replaced by other values of their type."""
    return draw(nearly(*passing(draw(st.sampled_from(["deploy", "merge"])))))  # type: ignore[no-any-return]


@st.composite
def nearly(draw: Callable[[Any], Any], policies: Policies, snapshot: Snapshot) -> tuple[Policies, Snapshot]:
    """A case with a few leaves replaced by other values of their type."""
    places = [("p", *path) for path, _ in leaves(policies)] + [("s", *path) for path, _ in leaves(snapshot)]
    for where, *path in draw(st.lists(st.sampled_from(places), min_size=1, max_size=4, unique=True)):
        root = policies if where == "p" else snapshot
        value = draw(_same_type(tuple(path), dict(leaves(root))[tuple(path)]))
        if where == "p":
            policies = put(policies, list(path), value)
        else:
            snapshot = put(snapshot, list(path), value)
    return policies, snapshot
