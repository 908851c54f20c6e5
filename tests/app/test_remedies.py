"""Every command that a message tells somebody to use exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from app.cli.main import app
from manifests.command_lookalike import VERBS

ROOT = Path(__file__).parents[2]
_ON_THE_COMMAND_LINE = re.compile(r"(?<![\w./-])countersign ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")
_IN_A_COMMENT = re.compile(r"(?<=[\s`])/([a-z]+)(?=[\s`.,;]|$)")
_COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
_ADDRESSES = ("healthz", "readyz", "metrics")
_PATHS_OF_MESSAGES = ("gates", "app", "manifests", "integrations")


def _texts() -> Iterator[tuple[str, str]]:
    """Every string in the code, docstrings and simulators left out, with where it is."""
    for folder in _PATHS_OF_MESSAGES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "simulator" in path.parts:
                continue
            tree = ast.parse(path.read_text())
            said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value
    for path in sorted((ROOT / "app").rglob("*.html")):
        yield str(path.relative_to(ROOT)), path.read_text()


def _unknown_command(name: str, second: str | None) -> bool:
    command = _COMMANDS.get(name)
    group = getattr(command, "commands", None)
    return command is None or (group is not None and second is not None and second not in group)


def wrong(text: str) -> list[str]:
    """The commands in a text that nobody can use."""
    found = [match[0] for match in _ON_THE_COMMAND_LINE.finditer(text) if _unknown_command(match[1], match[2])]
    return found + [f"/{match[1]}" for match in _IN_A_COMMENT.finditer(text) if match[1] not in (*VERBS, *_ADDRESSES)]


@pytest.mark.parametrize("folder", [*_PATHS_OF_MESSAGES])
def test_messages_name_only_commands_that_exist(folder: str) -> None:
    found = {where: wrong(text) for where, text in _texts() if where.startswith(f"{folder}/")}
    assert {where: names for where, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Run `countersign lineage record`.", ["countersign lineage record"]),
        ("Ask with /countersign.", ["/countersign"]),
        ("Run `countersign audit verify` or paste `/unhold <sha>`.", []),
        ("Run countersign audit mend.", ["countersign audit mend"]),
    ],
)
def test_a_command_that_does_not_exist_is_found(text: str, names: list[str]) -> None:
    assert wrong(text) == names
