"""What to tell somebody whose comment is almost a command. No hint repeats the person's own words."""

from __future__ import annotations

import re
import unicodedata

import msgspec

from manifests.command_lookalike import Verb, verb_of

_OPENS_CODE_OR_HTML = re.compile(r" {0,3}(?:```|~~~|<)|.*<!--")
_HEX = re.compile(r"[0-9a-f]+")


class Hint(msgspec.Struct, frozen=True):
    """Nothing was done. ``reason`` is one sentence of plain ASCII that says why."""

    code: str
    reason: str
    verb: Verb


def foreign_character(verb: Verb, character: str) -> Hint:
    name = unicodedata.name(character, "")
    point = f"U+{ord(character):04X}" + (f" {name}" if name else "")
    return Hint(
        "command.foreign_character",
        f"The line of the command /{verb} must be plain ASCII, but it holds {point}.",
        verb,
    )


def several(verb: Verb) -> Hint:
    return Hint(
        "command.several",
        f"Nothing was done because the comment holds another command below /{verb}; give one per comment.",
        verb,
    )


def extra_words(verb: Verb) -> Hint:
    if verb in ("approve", "break-glass"):
        after = "may be followed only by the full commit SHA and environments in lower case"
    elif verb == "delegate":
        after = "may be followed only by @login, environments in lower case and an end"
    elif verb == "unhold":
        after = "may be followed only by the full commit SHA"
    else:
        after = "must stand alone on its line"
    return Hint("command.extra_words", f"The command /{verb} {after}; put a reason on the lines below.", verb)


def sha_mistake(verb: Verb, word: str) -> Hint:
    """``word`` is what stands in the place of the SHA, in lower case; empty when nothing does."""
    ask = f"The command /{verb} needs the full commit SHA of 40 hexadecimal digits that it is for"
    if not word:
        return Hint("command.no_sha", f"{ask}, but it has none.", verb)
    if _HEX.fullmatch(word):
        code = "command.short_sha" if len(word) < 40 else "command.long_sha"
        return Hint(code, f"{ask}, but it has one of {len(word)}.", verb)
    return Hint("command.not_a_sha", f"{ask}, but it has another word in its place.", verb)


def no_login() -> Hint:
    ask = "The command /delegate needs the @login of the person who shall act for you, right behind it"
    return Hint("command.no_login", f"{ask}, but it has none.", "delegate")


def no_environment(verb: Verb) -> Hint:
    ask = f"The command /{verb} needs the environments that it is for, in lower case"
    return Hint("command.no_environment", f"{ask}, but it has none.", verb)


def no_end() -> Hint:
    reason = "The end of a delegation is its last two words, such as: until 2026-12-01, for 8h or for 3d."
    return Hint("command.no_end", reason, "delegate")


def no_incident() -> Hint:
    ask = "The command /break-glass needs the number of the incident or emergency change on the line below it"
    return Hint("command.no_incident", f"{ask}, such as INC0012345 or CHG0030001, but it has none.", "break-glass")


def misplaced(first: str, others: list[str]) -> Hint | None:
    """A hint for a command below or beside the first column, unless it stands in code or HTML."""
    indented = verb_of(first.lstrip(" ")) if first.startswith(" ") and not first.startswith("    ") else None
    if indented is not None:
        reason = f"The command /{indented} must start in the first column, but blanks stand before it."
        return Hint("command.indented", reason, indented)
    if not first.strip() or _OPENS_CODE_OR_HTML.match(first):
        return None
    for line in others:
        verb = verb_of(line)
        if verb is not None:
            reason = f"The command /{verb} must stand on the first line of the comment, but text stands above it."
            return Hint("command.not_first", reason, verb)
        if _OPENS_CODE_OR_HTML.match(line):
            return None
    return None
