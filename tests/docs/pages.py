"""The documentation as data: pages, fenced blocks, links, tables, named tests and commands."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))

_FENCE = re.compile(r"^( *)```([a-z]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_NAMED_TEST = re.compile(r"`(tests/[a-z0-9_/]+\.py)::([a-z0-9_]+)(?:\[([^\]]+)\])?`")
_COMMAND = re.compile(r"(?:^\s*(?:\$ )?|`)countersign ([a-z][^`\n]*)", re.MULTILINE)


class Block(NamedTuple):
    page: Path
    language: str
    text: str


class NamedTest(NamedTuple):
    page: Path
    path: str
    function: str
    case: str | None


def text_of(page: Path) -> str:
    return page.read_text()


def blocks(page: Path) -> list[Block]:
    found = []
    for indent, language, body in _FENCE.findall(text_of(page)):
        lines = [line.removeprefix(indent) for line in body.splitlines()]
        found.append(Block(page, language, "\n".join(lines) + "\n"))
    return found


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", text_of(page))


def links(page: Path) -> list[str]:
    return _LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of headings."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def named_tests(page: Path) -> list[NamedTest]:
    return [NamedTest(page, path, name, case or None) for path, name, case in _NAMED_TEST.findall(text_of(page))]


def commands(page: Path) -> list[str]:
    """What stands behind `countersign` in shell blocks and in backticks, line continuations joined."""
    return [line.strip() for line in _COMMAND.findall(text_of(page).replace("\\\n", " "))]


def rows(page: Path, first: str) -> list[list[str]]:
    """The cells of every row of the tables whose first column is headed ``first``."""
    found: list[list[str]] = []
    inside = False
    for line in text_of(page).splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            inside = False
        elif cells[0] == first:
            inside = True
        elif inside and not set(cells[0]) <= {"-", " "}:
            found.append(cells)
    return found


@cache
def functions_and_texts(path: str) -> tuple[frozenset[str], frozenset[str]]:
    """The functions that a test module defines and every piece of text in it."""
    tree = ast.parse((ROOT / path).read_text())
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return frozenset(functions), frozenset(texts)
