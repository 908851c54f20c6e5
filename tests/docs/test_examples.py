"""What the documentation shows must work as it stands: documents parse, commands exist, links lead somewhere."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from app.cli.main import app
from app.policy.cases import parse_cases
from manifests.policy_parser import parse_policy, parse_tenant_policy
from manifests.release_parser import parse_release
from tests.docs.pages import PAGES, ROOT, Block, anchors, blocks, commands, links, text_of

RELEASE, POLICY, TENANT, TESTS = "# release", "# policy", "# tenant policy", "# policy tests"
YAML = [block for page in PAGES for block in blocks(page) if block.language == "yaml"]
SAMPLES = [block for block in YAML if "schema: countersign/" in block.text]
COMMANDS = [(page, line) for page in PAGES for line in commands(page)]


def name(value: object) -> str:
    if isinstance(value, Block):
        return f"{value.page.name}:{value.text.splitlines()[0]}"
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else str(value)[:60]


@pytest.mark.parametrize("sample", SAMPLES, ids=name)
def test_every_document_that_is_shown_parses(sample: Block) -> None:
    kind, data = sample.text.splitlines()[0], sample.text.encode()
    if kind == RELEASE:
        parse_release(data, "releases/intraday/release.yaml")
    elif kind == TENANT:
        parse_tenant_policy(data, "tenant-policy.yaml")
    elif kind == TESTS:
        parse_cases(data, ".github/countersign.tests.yaml")
    else:
        assert kind == POLICY, f"a sample begins with {RELEASE}, {POLICY}, {TENANT} or {TESTS}"
        parse_policy(data, ".github/countersign.yaml")


def test_the_readme_shows_a_release_and_a_policy() -> None:
    shown = {block.text.splitlines()[0] for block in SAMPLES if block.page == ROOT / "README.md"}
    assert {RELEASE, POLICY} <= shown


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=name)
def test_every_command_that_is_shown_exists_with_its_options(page: Path, line: str) -> None:
    command: Any = typer.main.get_command(app)
    words = shlex.split(line.replace("…", "x").split(" | ")[0], comments=True)
    while words and hasattr(command, "commands"):
        if command.invoke_without_command and words[0].startswith("--"):
            break
        assert words[0] in command.commands, f"{page.name}: countersign {line}"
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert given <= known | {"--help"}, f"{page.name}: countersign {line}"


def test_commands_are_found_at_all() -> None:
    assert len(COMMANDS) > 20


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_page_is_reached_from_the_readme(page: Path) -> None:
    reached, waiting = {ROOT / "README.md"}, [ROOT / "README.md"]
    while waiting:
        here = waiting.pop()
        for link in links(here):
            target = (here.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.exists() and target not in reached:
                reached.add(target)
                waiting.append(target)
    assert page in reached


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_lines_stay_readable_in_a_terminal(page: Path) -> None:
    prose = [line for line in text_of(page).splitlines() if not line.lstrip().startswith(("|", "http", "!["))]
    assert all(len(line) <= 125 for line in prose), max(prose, key=len)
