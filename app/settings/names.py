"""Which keys there are: the table from environment variable to place in the settings, read off the model."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretStr

from app.settings.model import Settings

PREFIX = "COUNTERSIGN_"
LIST_INDEX = "<n>"


class Key(NamedTuple):
    """One settable leaf. ``<n>`` in ``path`` stands for the position in a list of tables."""

    path: tuple[str, ...]
    secret: bool
    many: bool

    @property
    def variable(self) -> str:
        return PREFIX + "__".join(self.path).upper()


def keys() -> tuple[Key, ...]:
    return tuple(_keys(Settings, ()))


def model_at(path: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The table a path of the file leads to; None when it leads to none."""
    model: type[BaseModel] | None = Settings
    for step in path:
        if isinstance(step, int):
            continue
        field = model.model_fields.get(step) if model is not None else None
        model = _table(field.annotation)[0] if field is not None else None
    return model


def nearest(word: str, known: list[str], likeness: float = 0.6) -> str:
    """` Did you mean …?` for the nearest known word, or nothing."""
    found = difflib.get_close_matches(word, known, n=1, cutoff=likeness)
    return f"Did you mean {found[0]}? " if found else ""


def settable(model: type[BaseModel]) -> list[str]:
    return [name for name in model.model_fields if not (model is Settings and name == "sandbox")]


def _keys(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[Key]:
    for name in settable(model):
        table, listed = _table(model.model_fields[name].annotation)
        here = (*path, name)
        if table is not None:
            yield from _keys(table, (*here, LIST_INDEX) if listed else here)
        else:
            leaves = set(_leaves(model.model_fields[name].annotation))
            yield Key(here, SecretStr in leaves, listed)


def _table(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """(the model inside an annotation, whether in a tuple)"""
    listed = typing.get_origin(annotation) is tuple
    for leaf in _leaves(annotation):
        if isinstance(leaf, type) and issubclass(leaf, BaseModel):
            return leaf, listed
    return None, listed


def _leaves(annotation: Any) -> Iterator[Any]:
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType, tuple, typing.Annotated):
        for argument in typing.get_args(annotation):
            yield from _leaves(argument)
    else:
        yield annotation
