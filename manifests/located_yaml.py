"""YAML read as a tree that knows where everything stands and guesses nothing.

A release is approved by people who read it on a screen, so whatever lets the text mean something else than
it seems to is refused: duplicate keys, anchors, aliases, merge keys, tags, directives, several documents,
characters that cannot be seen and line ends that only YAML 1.1 knows. Scalars keep their text; whoever reads
one decides what it may be. Positions count from 1.
"""

from __future__ import annotations

import msgspec
import yaml

from manifests.errors import Problem
from manifests.located_yaml_bytes import readable_text

MAX_DEPTH = 20
MAX_NODES = 20_000


class Scalar(msgspec.Struct, frozen=True):
    """A single value as written. ``plain`` is true when it stands without quotes."""

    text: str
    plain: bool
    line: int
    column: int


class Entry(msgspec.Struct, frozen=True):
    """One key of a mapping and its value."""

    key: Scalar
    value: Node


class Mapping(msgspec.Struct, frozen=True):
    """Keys and values in the order written; no key occurs twice."""

    entries: tuple[Entry, ...]
    line: int
    column: int


class Sequence(msgspec.Struct, frozen=True):
    """A list."""

    items: tuple[Node, ...]
    line: int
    column: int


class Broken(msgspec.Struct, frozen=True):
    """A place whose mistake is already reported; readers pass over it."""

    line: int
    column: int


Node = Scalar | Mapping | Sequence | Broken
Place = tuple[int, int]
_Decorated = yaml.ScalarEvent | yaml.MappingStartEvent | yaml.SequenceStartEvent


def compose(data: bytes, path: str, limit: int) -> tuple[Node | None, tuple[Problem, ...]]:
    """The tree of one YAML document of at most ``limit`` bytes, and every problem found in it.

    The tree is None when nothing can be read. A tree beside problems is for finding further mistakes only;
    it must not be used. Never raises.
    """
    text, problems = readable_text(data, path, limit)
    if text is None:
        return None, problems
    builder = _Builder(path, list(problems))
    return builder.build(text), tuple(builder.problems)


class _Stop(Exception):
    """Nothing after this point can be read."""


class _Frame:
    """A mapping or list that is being filled, and what it is in."""

    __slots__ = ("at", "is_mapping", "items", "outside")

    def __init__(self, is_mapping: bool, at: Place, outside: list[Node]) -> None:
        self.is_mapping = is_mapping
        self.at = at
        self.outside = outside
        self.items: list[Node] = []


class _Builder:
    def __init__(self, path: str, problems: list[Problem]) -> None:
        self.path = path
        self.problems = problems
        self._open: list[_Frame] = []
        self._top: list[Node] = []
        self._items = self._top
        """The members of what is being filled."""
        self._documents = 0
        self._nodes = 0

    def build(self, text: str) -> Node | None:
        try:
            for event in yaml.parse(text, Loader=yaml.CSafeLoader):
                self._take(event)
        except _Stop:
            return None
        except yaml.YAMLError as error:
            self._syntax(error)
            return None
        if not self._top:
            self._refuse((0, 0), "yaml.empty", "Expected a document, found an empty file.", "Write its keys.")
            return None
        return self._top[0]

    def _refuse(self, at: Place, code: str, message: str, remedy: str) -> None:
        self.problems.append(Problem(code, message, remedy, self.path, *at))

    def _syntax(self, error: yaml.YAMLError) -> None:
        mark = getattr(error, "problem_mark", None)
        at = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
        detail = getattr(error, "problem", None) or "a character that YAML does not allow"
        message = f"Expected YAML, found a place that cannot be read: {detail}."
        remedy = "Check the indentation and the quotes here and on the line above."
        self._refuse(at, "yaml.syntax", message, remedy)

    def _take(self, event: yaml.Event) -> None:
        mark = event.start_mark
        at = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
        # The most frequent first: this is most of the time that reading takes.
        if isinstance(event, yaml.ScalarEvent):
            if event.anchor is not None or event.tag is not None:
                self._decorations(event, at)
            self._count(at)
            self._items.append(Scalar(event.value, bool(event.implicit[0]), *at))
        elif isinstance(event, yaml.CollectionEndEvent):
            self._leave()
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._decorations(event, at)
            self._enter(isinstance(event, yaml.MappingStartEvent), at)
        elif isinstance(event, yaml.AliasEvent):
            message = f"Expected a value, found the alias *{event.anchor}."
            self._refuse(at, "yaml.alias", message, "Write the value out.")
            self._count(at)
            self._items.append(Broken(*at))
        elif isinstance(event, yaml.DocumentStartEvent):
            self._document(event, at)

    def _document(self, event: yaml.DocumentStartEvent, at: Place) -> None:
        self._documents += 1
        if self._documents > 1:
            remedy = "Remove the --- line."
            self._refuse(at, "yaml.documents", "Expected one document, found another.", remedy)
            raise _Stop
        if event.version is not None or event.tags:
            remedy = "Remove the line that starts with %."
            self._refuse(at, "yaml.directive", "Expected no directive, found one.", remedy)

    def _decorations(self, event: _Decorated, at: Place) -> None:
        if event.anchor is not None:
            message = f"Expected a value, found the anchor &{event.anchor}."
            self._refuse(at, "yaml.anchor", message, "Remove it and write the value out where it is needed.")
        if event.tag is not None:
            remedy = "Remove the word that starts with !."
            self._refuse(at, "yaml.tag", "Expected a value without a tag, found one.", remedy)

    def _enter(self, is_mapping: bool, at: Place) -> None:
        if len(self._open) >= MAX_DEPTH:
            message = f"Expected at most {MAX_DEPTH} levels of nesting, found more."
            self._refuse(at, "yaml.too_deep", message, "Flatten the document.")
            raise _Stop
        self._count(at)
        frame = _Frame(is_mapping, at, self._items)
        self._open.append(frame)
        self._items = frame.items

    def _count(self, at: Place) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            message = f"Expected at most {MAX_NODES} values, found more."
            self._refuse(at, "yaml.too_many", message, "Split the document.")
            raise _Stop

    def _leave(self) -> None:
        frame = self._open.pop()
        self._items = frame.outside
        if frame.is_mapping:
            self._items.append(Mapping(self._entries(frame.items), *frame.at))
        else:
            self._items.append(Sequence(tuple(frame.items), *frame.at))

    def _entries(self, items: list[Node]) -> tuple[Entry, ...]:
        seen: dict[str, int] = {}
        entries: list[Entry] = []
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(key, Scalar) and key.text not in seen and (key.text != "<<" or not key.plain):
                seen[key.text] = key.line
                entries.append(Entry(key, value))
            else:
                self._refuse_key(key, seen)
        return tuple(entries)

    def _refuse_key(self, key: Node, seen: dict[str, int]) -> None:
        at = (key.line, key.column)
        if isinstance(key, Mapping | Sequence):
            message = "Expected text as a key, found a list or mapping."
            self._refuse(at, "yaml.key", message, "Write a plain word before the colon.")
        elif isinstance(key, Scalar) and key.plain and key.text == "<<":
            message = "Expected a key, found the merge key <<."
            self._refuse(at, "yaml.merge", message, "Write the keys out.")
        elif isinstance(key, Scalar):
            first = f"(first on line {seen[key.text]})"
            message = f"Expected each key once, found {key.text[:60]!r} again {first}."
            self._refuse(at, "yaml.duplicate_key", message, "Keep one of them.")
