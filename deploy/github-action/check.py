"""Runs `countersign gate check` with the inputs of the action and sets the action's outputs.

Ends with the command's exit code: 0 allow, 1 deny or wait, 2 used wrongly, 3 could not find out.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

# The folder of the workflow is not on the path (python -I): a file there cannot stand in for one of ours.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app.cli import answer
from app.cli.exits import UNKNOWN, USAGE, CommandError
from app.cli.main import main as countersign


def arguments(env: Mapping[str, str], vsa: Path) -> list[str]:
    """The command line. `--option=value`, so that no value is taken for an option."""
    files = [line.strip() for line in env["GATE_FILES"].splitlines() if line.strip()]
    if not files:
        sys.stderr.write("files: expected at least one file, found none. One per line, as path or name=path.\n")
        sys.exit(USAGE)
    if env["GATE_REDEEM"] not in ("true", "false"):
        sys.stderr.write(f"redeem: expected true or false, found {env['GATE_REDEEM']!r}.\n")
        sys.exit(USAGE)
    words = ["gate", "check", "--json", f"--environment={env['GATE_ENVIRONMENT']}", f"--vsa={vsa}"]
    words += [f"--wait={env['GATE_WAIT']}", *(f"--file={file}" for file in files)]
    return [*words, "--redeem"] if env["GATE_REDEEM"] == "true" else words


def run(words: list[str]) -> tuple[int, str]:
    """(exit code, standard output) of the command line."""
    printed = io.StringIO()
    sys.argv = ["countersign", *words]
    try:
        with contextlib.redirect_stdout(printed):
            countersign()
    except SystemExit as ended:
        code = 0 if ended.code is None else ended.code if isinstance(ended.code, int) else UNKNOWN
        return code, printed.getvalue()
    return 0, printed.getvalue()


def main() -> None:
    vsa = Path(tempfile.mkdtemp(dir=os.environ.get("RUNNER_TEMP"))) / "vsa.dsse.json"
    code, printed = run(arguments(os.environ, vsa))
    if printed:
        try:
            found = answer.read(printed.encode())
        except CommandError as error:
            sys.stderr.write(f"{error}\n")
            sys.exit(code or UNKNOWN)
        sys.stdout.write("\n".join(answer.lines(found)) + "\n")
        _output({"decision": found.decision, "decision-id": found.decision_id})
    if code == 0:
        _output({"vsa": str(vsa)})
    sys.exit(code)


def _output(values: Mapping[str, str]) -> None:
    lines = [f"{name}={''.join(value.splitlines())}\n" for name, value in values.items()]
    with Path(os.environ["GITHUB_OUTPUT"]).open("a") as file:
        file.writelines(lines)


if __name__ == "__main__":
    main()
