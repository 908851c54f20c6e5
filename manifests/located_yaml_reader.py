"""Reading typed values from a located tree, collecting every mistake on the way.

A reader takes a node and the name of its key, and returns the value, or None after reporting what is wrong.
Fallbacks then stand in for what could not be read; they never leave the parser, because ``finish`` raises.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Hashable, Iterable
from typing import NoReturn, TypeVar

from manifests.errors import ManifestError, Problem
from manifests.located_yaml import Broken, Entry, Mapping, Node, Scalar, Sequence, compose
from manifests.located_yaml_bytes import HIDDEN
from manifests.located_yaml_scalars import other_meaning

T = TypeVar("T")
D = TypeVar("D")
Read = Callable[[Node, str], T | None]

MAX_PROBLEMS = 100


class Reader:
    """Reads one document and remembers its problems."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._problems: list[Problem] = []
        self._others: list[Problem] = []

    @property
    def path(self) -> str:
        return self._path

    def load(self, data: bytes, limit: int) -> Node | None:
        node, problems = compose(data, self._path, limit)
        self._problems.extend(problems)
        return node

    def refuse(self, node: Node | None, code: str, message: str, remedy: str) -> None:
        """Report a mistake at ``node``, or of the whole document when it is None."""
        line, column = (node.line, node.column) if node is not None else (0, 0)
        self._problems.append(Problem(code, message, remedy, self._path, line, column))

    def absorb(self, other: Reader) -> None:
        """Take over the problems of another document that belongs to this one."""
        self._others.extend(other._sorted())

    def finish(self, value: T | None) -> T:
        """``value`` if nothing is wrong. Raises ManifestError with all problems in the order of the file, and then
        those of the documents that belong to it."""
        if self._problems or self._others or value is None:
            self._fail()
        return value

    def _fail(self) -> NoReturn:
        found = self._sorted()
        left = len(found) - MAX_PROBLEMS
        if left > 0:
            more = Problem("document.more", f"Found {left} more problems.", "Mend these first.", self._path)
            found = [*found[:MAX_PROBLEMS], more]
        raise ManifestError(tuple(found))

    def _sorted(self) -> list[Problem]:
        own = sorted(self._problems, key=lambda problem: (problem.line, problem.column))
        return [*own, *self._others]

    def fields(self, node: Node, name: str, known: tuple[str, ...]) -> Fields:
        """The keys of a mapping; unknown ones are reported with the nearest known one."""
        return Fields(self, node, name, known)

    def entries(self, node: Node, name: str) -> tuple[Entry, ...]:
        """Keys and values of a mapping whose keys are the author's own."""
        if isinstance(node, Mapping):
            return node.entries
        self.wrong_type(node, name, "keys and values")
        return ()

    def items(self, node: Node, name: str) -> tuple[Node, ...]:
        """The members of a list."""
        if isinstance(node, Sequence):
            return node.items
        self.wrong_type(node, name, "a list")
        return ()

    def scalar(self, node: Node, name: str, expected: str) -> Scalar | None:
        """A single value that is there."""
        if not isinstance(node, Scalar) or (node.plain and other_meaning(node.text) == "nothing"):
            self.wrong_type(node, name, expected)
            return None
        # Only quotes can hold escapes; the characters themselves were looked for in the bytes.
        if not node.plain and HIDDEN.search(node.text):
            self.refuse(
                node,
                "yaml.hidden_character",
                f"`{name}`: expected only characters that can be seen, found an escape for one that cannot.",
                "Remove the escape.",
            )
            return None
        return node

    def wrong_type(self, node: Node, name: str, expected: str) -> None:
        if isinstance(node, Broken):
            return
        remedy = "Write one, or leave the key out if it is optional." if _is_nothing(node) else "Rewrite it."
        self.refuse(node, "field.type", f"`{name}`: expected {expected}, found {_kind(node)}.", remedy)

    def wrong_form(self, node: Scalar, name: str, expected: str, remedy: str = "Correct it.") -> None:
        self.refuse(node, "field.form", f"`{name}`: expected {expected}, found {shown(node.text)}.", remedy)

    def duplicates(self, keyed: Iterable[tuple[Node, Hashable]], name: str) -> None:
        """Report every node whose key stands before."""
        seen: dict[Hashable, int] = {}
        for node, key in keyed:
            if key in seen:
                self.refuse(
                    node,
                    "field.duplicate",
                    f"`{name}`: expected each once, found {shown(str(key))} again (see line {seen[key]}).",
                    "Keep one of them.",
                )
            else:
                seen[key] = node.line


class Fields:
    """The keys of one mapping, each read once."""

    def __init__(self, reader: Reader, node: Node, name: str, known: tuple[str, ...]) -> None:
        self.reader = reader
        self.node = node
        self._name = name
        self._readable = isinstance(node, Mapping)
        self._values: dict[str, Node] = {}
        self.keys: dict[str, Scalar] = {}
        """The known keys that are there, in the order written."""
        for entry in reader.entries(node, name):
            key = entry.key.text
            if key in known:
                self._values[key] = entry.value
                self.keys[key] = entry.key
            else:
                self._unknown(entry.key, known)

    def has(self, key: str) -> bool:
        return key in self._values

    def at(self, key: str) -> Node:
        """Where ``key`` has its value, or the mapping itself when it is absent."""
        return self._values.get(key, self.node)

    def required(self, key: str, read: Read[T], fallback: D) -> T | D:
        if key not in self._values:
            if self._readable:
                self.reader.refuse(
                    self.node,
                    "field.missing",
                    f"Expected the key `{key}` in {self._name}, found none.",
                    f"Add `{key}:`.",
                )
            return fallback
        return self.optional(key, read, fallback)

    def optional(self, key: str, read: Read[T], default: D) -> T | D:
        if key not in self._values:
            return default
        value = read(self._values[key], key)
        return default if value is None else value

    def _unknown(self, key: Scalar, known: tuple[str, ...]) -> None:
        self.reader.refuse(
            key,
            "field.unknown",
            f"Expected a key of {self._name}, found {shown(key.text)}.",
            did_you_mean(key.text, known),
        )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The remedy for an unknown word: the nearest known one, or all of them."""
    options = tuple(known)
    near = difflib.get_close_matches(word[:64].lower(), options, n=1)
    return f"Did you mean `{near[0]}`?" if near else f"Use one of: {', '.join(options)}."


def shown(text: str) -> str:
    """A found text as an error shows it: quoted, escaped, cut."""
    return repr(text if len(text) <= 60 else text[:60] + "…")


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and node.plain and other_meaning(node.text) == "nothing"


def _kind(node: Node) -> str:
    if isinstance(node, Mapping):
        return "keys and values"
    if isinstance(node, Sequence):
        return "a list"
    if _is_nothing(node):
        return "nothing"
    return shown(node.text) if isinstance(node, Scalar) else "an unreadable value"
