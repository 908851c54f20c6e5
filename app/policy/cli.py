"""`countersign policy validate`, `test` and those registered beside them. They import what they need when they run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli.exits import NO, UNKNOWN, YES, CannotFindOutError
from app.cli.options import AsJson
from app.policy import cli_simulation

app = typer.Typer(no_args_is_help=True, help="Check policies, test what they decide, and see what would change.")

_SIGNS = str.maketrans({"✓": "+", "✅": "+", "✗": "x", "❌": "x", "⏳": ".", "→": ">"})


@app.command()
def validate(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILES", help="Policies; default .github/countersign.yaml")
    ] = None,
    tenant: Annotated[
        Path | None, typer.Option("--tenant", help="The tenant policy above them; it is checked too")
    ] = None,
    include: Annotated[
        list[Path] | None,
        typer.Option("--include", help="A file that a policy includes from elsewhere; may be repeated"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show every mistake in policies, with file, line, column and remedy. Exit code 0 none, 1 some, 3 a file cannot be
    read."""
    from app.cli.terminal import plain
    from app.policy import answer
    from app.policy.validate import DEFAULT, check

    asked = files or ([] if tenant and not DEFAULT.exists() else [DEFAULT])
    found = check(asked, tenant, include or [])
    if as_json:
        show(answer.validation(found).decode())
    else:
        for one in found:
            if one.is_valid:
                show(f"✓ {plain(one.path)}: a valid {one.kind}")
            for problem in one.problems:
                show(f"✗ {plain(str(problem))}")
            if one.unreadable:
                print(plain(one.unreadable), file=sys.stderr)
    mistakes = any(one.problems for one in found)
    raise typer.Exit(NO if mistakes else UNKNOWN if any(one.unreadable for one in found) else YES)


@app.command("test")
def run_tests(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATHS", help="Files, or folders of *.tests.yaml; default .github/countersign.tests.yaml"
        ),
    ] = None,
    as_json: AsJson = False,
    junit: Annotated[Path | None, typer.Option("--junit", dir_okay=False, help="Write JUnit XML for CI")] = None,
    report: Annotated[
        Path | None, typer.Option("--report", dir_okay=False, help="Write a report for auditors (Markdown)")
    ] = None,
) -> None:
    """Decide declared cases, and compare the verdicts with those that are expected. Exit code 0 all came out so, 1 not,
    3 a file cannot be read."""
    from app.cli.terminal import plain
    from app.policy import answer, suites
    from app.policy import junit as xml
    from app.policy import report as told

    tested = [suites.run(path) for path in suites.find(paths or [])]
    if junit is not None:
        _write(junit, xml.document(tested))
    if report is not None:
        _write(report, told.markdown(tested).encode())
    if as_json:
        show(answer.tests(tested).decode())
    else:
        for line in told.text(tested).splitlines():
            show(plain(line))
    raise typer.Exit(YES if all(one.is_as_expected for one in tested) else NO)


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise CannotFindOutError(f"{path} cannot be written: {error.strerror}. Name another file.") from error


def show(text: str) -> None:
    """Print whatever the terminal can show of it; signs that it cannot show are told by others."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_SIGNS).encode(encoding, "replace").decode(encoding)
    print(text)


cli_simulation.register(app)
