"""Read the settings: the file, the environment over it, then every check at once."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.settings import environment
from app.settings.mistakes import SettingsError
from app.settings.model import Settings
from app.settings.names import LIST_INDEX, PREFIX, Key, keys, model_at, nearest, settable
from manifests.errors import Problem

DEFAULT_FILE = "countersign.toml"
_SHOULD = re.compile(r"\w+ should (?:be |have |match )?(.*)", re.DOTALL)
"""What pydantic says of a value: Input should be …, String should have …."""


def load(path: Path | None = None, env: Mapping[str, str] | None = None) -> Settings:
    """Settings from ``path`` (else COUNTERSIGN_CONFIG, else ./countersign.toml if there) and the environment.

    A variable wins over the file. Raises SettingsError with every mistake.
    """
    env = os.environ if env is None else env
    from_file, problems = _file(path, env)
    from_env, more = environment.read(env)
    problems += more
    if "sandbox" in from_file:
        del from_file["sandbox"]
        problems.append(_unknown(("sandbox",)))
    try:
        settings = Settings(**_over(from_file, from_env))
    except ValidationError as error:
        raise SettingsError((*problems, *(_problem(detail) for detail in error.errors()))) from None
    except _PositionError as error:
        raise SettingsError((*problems, error.problem)) from None
    if problems:
        raise SettingsError(tuple(problems))
    return settings


def for_serving(settings: Settings) -> Settings:
    """The same settings, if they hold all that the service needs to run. Raises SettingsError."""
    wanted = (
        (("github", "app_id"), bool(settings.github.app_id)),
        (("github", "private_key"), settings.github.private_key is not None),
        (("github", "webhook_secrets"), bool(settings.github.webhook_secrets)),
        (("tenants",), bool(settings.tenants)),
    )
    missing = tuple(_missing(path) for path, given in wanted if not given)
    if missing:
        raise SettingsError(missing)
    return settings


def _file(path: Path | None, env: Mapping[str, str]) -> tuple[dict[str, Any], list[Problem]]:
    named = path or (Path(env["COUNTERSIGN_CONFIG"]) if env.get("COUNTERSIGN_CONFIG") else None)
    where = named or Path(DEFAULT_FILE)
    if named is None and not where.exists():
        return {}, []
    try:
        return tomllib.loads(where.read_text()), []
    except OSError as error:
        found, remedy = error.strerror or "unreadable", "Name a readable file with --config or COUNTERSIGN_CONFIG."
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # The parser's text says where; it quotes a single character at most.
        found, remedy = str(error), "Correct the TOML."
    return {}, [Problem("settings.file", f"expected a TOML file, found: {found}.", remedy, path=str(where))]


class _PositionError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def _over(below: Any, above: Any, path: tuple[str | int, ...] = ()) -> Any:
    """``above`` laid over ``below``; a table with numbers for keys is laid over the list's members."""
    if not isinstance(above, dict):
        return above
    if any(isinstance(key, int) for key in above):
        return _over_list(below if isinstance(below, list) else [], above, path)
    merged = dict(below) if isinstance(below, dict) else {}
    for key, value in above.items():
        merged[key] = _over(merged.get(key), value, (*path, key))
    return merged


def _over_list(below: list[Any], above: Mapping[int, Any], path: tuple[str | int, ...]) -> list[Any]:
    merged = list(below)
    for index in sorted(above):
        if index > len(merged):
            raise _PositionError(
                Problem(
                    "settings.position",
                    f"expected positions without a gap, found {index} after {len(merged)} of them.",
                    "Number the variables from 0.",
                    path=_dotted((*path, index)),
                )
            )
        merged[index : index + 1] = [
            _over(merged[index] if index < len(merged) else None, above[index], (*path, index))
        ]
    return merged


def _problem(detail: ErrorDetails) -> Problem:
    path = detail["loc"]
    if detail["type"] == "extra_forbidden":
        return _unknown(path)
    if detail["type"] == "missing":
        return _missing(path)
    message = detail["msg"].removeprefix("Value error, ").rstrip(".")
    should = _SHOULD.fullmatch(message)
    if should:
        number = "a number " if should[1].startswith(("greater", "less")) else ""
        message = f"expected {number}{should[1]}, found {_found(path, detail['input'])}"
    return Problem("settings.invalid", f"{message}.", _remedy(path), path=_dotted(path))


def _found(path: tuple[str | int, ...], value: Any) -> str:
    """Not what is secret, or may be: that of a key that is not known."""
    key = _key(path)
    shown = key is not None and not key.secret and isinstance(value, str | int | float)
    return repr(value)[:80] if shown else "something else"


def _unknown(path: tuple[str | int, ...]) -> Problem:
    model = model_at(path[:-1])
    hint = nearest(str(path[-1]), settable(model)) if model is not None else ""
    return Problem(
        "settings.unknown",
        "expected a known key, found one that means nothing here.",
        f"{hint}Correct or remove it.",
        path=_dotted(path),
    )


def _missing(path: tuple[str | int, ...]) -> Problem:
    return Problem("settings.missing", "expected a value, found none.", _remedy(path), path=_dotted(path))


def _remedy(path: tuple[str | int, ...]) -> str:
    key = _key(path)
    if key is None:
        return f"Set it in {DEFAULT_FILE} or by its {PREFIX}… variables."
    numbers = iter(str(step) for step in path if isinstance(step, int))
    steps = (next(numbers, "0") if step == LIST_INDEX else step for step in key.path)
    variable = PREFIX + "__".join(steps).upper()
    secret = f" or {variable}_FILE" if key.secret else ""
    return f"Set {_dotted(path)} in {DEFAULT_FILE}, or {variable}{secret}."


def _key(path: tuple[str | int, ...]) -> Key | None:
    steps = tuple(LIST_INDEX if isinstance(step, int) else step for step in path)
    return next((key for key in keys() if key.path == steps[: len(key.path)]), None)


def _dotted(path: tuple[str | int, ...]) -> str:
    return ".".join(str(step) for step in path)
