"""From the bytes of a document to text that looks the same to everybody who reads it."""

from __future__ import annotations

import re

from manifests.errors import Problem

# U+0085, U+2028, U+2029 and a lone CR end a line for YAML 1.1 but not on GitHub's page: what a reviewer sees
# as one comment could hold a key. The others reorder or hide what stands beside them.
HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffc\ufffe\uffff\U000e0000-\U000e0fff]|\r(?!\n)"
)
_MAX_REPORTED = 20


def readable_text(data: bytes, path: str, limit: int) -> tuple[str | None, tuple[Problem, ...]]:
    """The text of ``data``, or None; and what is wrong with it.

    A hidden character is reported and U+FFFD stands in for it, so that the rest can be judged as well.
    """
    if len(data) > limit:
        message = f"Expected at most {limit} bytes, found {len(data)}."
        return None, (Problem("yaml.too_large", message, "Shorten the document.", path),)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _position(data[: error.start].decode("utf-8"))
        message = f"Expected UTF-8, found the byte 0x{data[error.start]:02x} that it does not allow."
        return None, (Problem("yaml.encoding", message, "Save the file as UTF-8.", path, line, column),)
    return HIDDEN.sub("\N{REPLACEMENT CHARACTER}", text.removeprefix("\ufeff")), tuple(_hidden(text, path))


def _hidden(text: str, path: str) -> list[Problem]:
    problems: list[Problem] = []
    for match in HIDDEN.finditer(text):
        if len(problems) == _MAX_REPORTED:
            break
        line, column = _position(text[: match.start()])
        message = f"Expected only characters that can be seen, found U+{ord(match.group()):04X}."
        remedy = "Remove it." if match.group() != "\r" else "End lines with LF or CR LF."
        problems.append(Problem("yaml.hidden_character", message, remedy, path, line, column))
    return problems


def _position(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - before.rfind("\n")
