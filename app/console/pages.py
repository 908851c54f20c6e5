"""Templates into HTML: everything escaped, nothing undefined, no script or style inside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.clock import SECOND, Clock
from gates.words import count, instant
from manifests.command_text import storable
from manifests.times import to_rfc3339

_FOLDER = Path(__file__).parent / "templates"
# Forms need an Origin, which browsers leave out under the stricter no-referrer.
_HEADERS = {"Referrer-Policy": "same-origin", "Vary": "Cookie"}
_SYMBOLS = {"pass": "✓", "waived": "✓", "wait": "…", "fail": "✕", "error": "✕"}
_WORDS = {"pass": "passes", "waived": "waived", "wait": "waits", "fail": "fails", "error": "error"}
_OUTCOMES = {"allow": ("pass", "✓", "allowed"), "wait": ("wait", "…", "waiting"), "deny": ("fail", "✕", "denied")}
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


class Pages:
    """Renders a template by name. ``url`` gives the address of a static file."""

    def __init__(self, clock: Clock, url: Callable[[str], str], web_url: str) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, auto_reload=False,
            trim_blocks=True, lstrip_blocks=True, finalize=_shown,
        )  # fmt: skip
        self._environment.globals.update(
            static=url, web_url=web_url, symbol=_SYMBOLS.__getitem__, word=_WORDS.__getitem__, outcome=outcome,
            instant=instant, iso=to_rfc3339, ago=lambda at: ago(clock() - at), size=size, linkable=linkable,
        )  # fmt: skip

    def text(self, template: str, **values: Any) -> str:
        return self._environment.get_template(template).render(**values)

    def answer(self, template: str, status: int = 200, **values: Any) -> web.Response:
        return html(self.text(template, **values), status)


def html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=_HEADERS)


def outcome(name: str) -> tuple[str, str, str]:
    """Tone, symbol and word of an outcome; what nobody decided yet waits."""
    return _OUTCOMES.get(name, ("none", "·", "not decided"))


def ago(microseconds: int) -> str:
    seconds = microseconds // SECOND
    if seconds < 0:
        return "in the future"
    for name, length in _UNITS:
        if seconds >= length:
            return f"{count(seconds // length, name)} ago"
    return "just now"


def size(number: int) -> str:
    """Bytes in decimal units, as file managers show them."""
    if number < 1000:
        return count(number, "byte")
    value = float(number)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.95:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} TB"


def linkable(url: str) -> bool:
    """Whether an address may become a link: never ``javascript:`` or another scheme."""
    return url.startswith(("https://", "http://"))


def _shown(value: object) -> object:
    """People's text without what reorders or hides the text around it; markup of ours is of another type."""
    return storable(value) if type(value) is str else value
