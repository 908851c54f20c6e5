"""The commands that people give in comments, and how to print people's text without giving one.

A comment is a command only if its first line is exactly one, in ASCII, from the first column, and no other
line looks like one. No Markdown parser is needed: no fence, quote or HTML comment can stand before the first
line, and what is hidden or contradictory elsewhere keeps the command from counting. Lines end at CR LF, LF or
CR; other characters that Python or YAML take for line ends do not end one.

A command that grants names the full head SHA: a comment event carries none, and a push may come in between.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from manifests import command_words
from manifests.command_hints import Hint, extra_words, foreign_character, misplaced, several
from manifests.command_lookalike import Verb, disguised_verb, first_foreign, verb_of
from manifests.command_text import neutralise, storable
from manifests.command_words import Command

__all__ = ["MAX_REASON", "Command", "Hint", "Verb", "neutralise", "parse_command"]

MAX_REASON = 4_000
_LINE_END = re.compile(r"\r\n|\n|\r")
_WITH_WORDS: dict[Verb, Callable[[list[str], str], Command | Hint]] = {
    "approve": command_words.approve,
    "unhold": command_words.unhold,
    "delegate": command_words.delegate,
    "break-glass": command_words.break_glass,
}


def parse_command(body: str) -> Command | Hint | None:
    """The command in a comment's body, a hint why it is none, or None for ordinary talk. Never raises.

    Takes time linear in the length of the body.
    """
    first, *others = _LINE_END.split(body)
    verb = verb_of(first)
    if verb is None:
        return _hint_for_talk(first, others)
    foreign = first_foreign(first)
    if foreign is not None:
        return foreign_character(verb, foreign)
    if any(_reads_as_command(line) for line in others):
        return several(verb)
    words = first.split()[1:]
    read = _WITH_WORDS.get(verb)
    if read is not None:
        return read(words, _reason(others))
    return extra_words(verb) if words else Command(verb, reason=_reason(others))


def _hint_for_talk(first: str, others: list[str]) -> Hint | None:
    verb = disguised_verb(first)
    foreign = first_foreign(first)
    if verb is not None and foreign is not None:
        return foreign_character(verb, foreign)
    return misplaced(first, others)


def _reads_as_command(line: str) -> bool:
    """Whether a person could take the line for a command: indented by less than a code block, or disguised."""
    indent = len(line) - len(line.lstrip(" "))
    return indent < 4 and (verb_of(line[indent:]) or disguised_verb(line[indent:])) is not None


def _reason(lines: list[str]) -> str:
    return storable("\n".join(lines)).strip()[:MAX_REASON].rstrip()
