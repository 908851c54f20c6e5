"""The rationale gate: the author says in words why this release is wanted."""

from __future__ import annotations

import re

from gates.case import Case, Finding
from gates.model import Result
from manifests.policy import POLICY_PATH

MIN_CHARACTERS = 20
MIN_WORDS = 4

_WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
_PLACEHOLDER = re.compile(
    r"\b(?:todo|tbd|tba|fixme|xxx+|placeholder)\b|lorem ipsum"
    r"|<[a-z][^<>]{0,80}>|\{\{[^{}]*\}\}|\[(?:insert|add|your|describe|explain)\b[^][]*\]"
    r"|\A\W*(?:please )?(?:describe|explain|say|write|state|insert|enter|add)\b[^.]{0,30}\b(?:why|reason)\b"
    r"|\b(?:your|the) (?:rationale|reason) (?:goes )?here\b",
    re.IGNORECASE,
)
_REPEATED = re.compile(r"(.)\1{7,}")
_WHAT = "in a sentence or two, what changes, why now, and what it was judged by."
_REMEDY = f"Say in the manifest's rationale, {_WHAT}"
_OF_A_POLICY = f"Say in the title of the pull request, {_WHAT}"


def rationale(case: Case) -> Finding:
    """Fail on what is too short, a template, or only repeats the release's name."""
    manifest = case.snapshot.release.manifest
    if manifest is None:
        return Finding(Result("rationale", "fail", "There is no readable manifest with a rationale.", _REMEDY))
    objection = trouble(manifest.rationale, (manifest.name, manifest.version, manifest.kind))
    if objection:
        remedy = _OF_A_POLICY if case.snapshot.release.manifest_path == POLICY_PATH else _REMEDY
        return Finding(Result("rationale", "fail", f"The rationale {objection}.", remedy))
    return Finding(Result("rationale", "pass", "The rationale says why this release is wanted."))


def trouble(text: str, known: tuple[str, ...] = ()) -> str:
    """What is wrong with a rationale, as the end of a sentence; empty when nothing is.

    ``known`` are words that say nothing new here, such as the name and version of the release.
    """
    trimmed = text.strip()
    if not trimmed:
        return "is empty"
    if found := _PLACEHOLDER.search(trimmed):
        return f"is still a template: it contains “{found.group()[:40]}”"
    if len(trimmed) < MIN_CHARACTERS:
        return f"has {len(trimmed)} characters, and at least {MIN_CHARACTERS} are asked for"
    if _REPEATED.search(trimmed):
        return "repeats the same character"
    words = [word.casefold() for word in _WORD.findall(trimmed)]
    distinct = set(words)
    if len(distinct) < MIN_WORDS:
        return f"has {len(distinct)} different words, and at least {MIN_WORDS} are asked for"
    if len(words) > 3 * len(distinct) and len(distinct) < 3 * MIN_WORDS:
        return "repeats the same words"
    said = {word for value in known for word in _WORD.findall(value.casefold())}
    if len(distinct - said - {"release", "version", "new", "update", "of", "the", "a", "to"}) < 2:
        return "only repeats the name and version of the release"
    return ""
