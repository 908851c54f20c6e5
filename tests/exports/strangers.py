"""Programs of others, and hands that meddle."""

from __future__ import annotations

import os
import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from importlib.resources import files
from pathlib import Path

from tests.requirements import missing, need

GOPATH = Path("/usr/share/gocode")
"""Where Debian's golang-golang-x-mod-dev puts the packages."""


def go(folder: Path) -> Callable[[Path], subprocess.CompletedProcess[str]]:
    """Runs the Go program of an export, built once, with the keys that are in the export."""
    tool = need("go")
    if not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        missing("golang-golang-x-mod-dev is not installed")
    source = folder / "verify.go"
    source.write_bytes((files("app.exports") / "material/verify.go").read_bytes())
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GOPATH), "GOFLAGS": ""}
    subprocess.run([tool, "build", "-o", "verify", "verify.go"], cwd=folder, env=environment, check=True)

    def run(export: Path) -> subprocess.CompletedProcess[str]:
        keys = sorted(str(path) for path in (export / "keys").glob("*.vkey"))
        return subprocess.run([folder / "verify", *keys], cwd=export, capture_output=True, text=True, check=False)

    return run


def python(export: Path) -> subprocess.CompletedProcess[str]:
    """Runs the Python program of an export with nothing but the standard library."""
    command = [sys.executable, "-I", "-S", "-W", "error", "verify.py"]
    return subprocess.run(command, cwd=export, capture_output=True, text=True, check=False)


def commands(export: Path, text: str) -> str:
    """Runs every command of a page in a shell, in the export's folder; answers all they print."""
    need("openssl")
    need("go")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert blocks
    where = f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH\n"
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", where + "\n".join(blocks)], cwd=export, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return ran.stdout


def tamper(database: Path, *statements: str) -> None:
    """As somebody would who may do everything with the database, and leaves no trace."""
    with closing(sqlite3.connect(database)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            connection.execute(statement)
        for _, sql in triggers:
            connection.execute(sql)
        connection.commit()
