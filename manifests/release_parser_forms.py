"""How the words of a release must look."""

from __future__ import annotations

import re

from manifests.located_yaml_values import Form
from manifests.release import ChangeType, Kind

MAX_TEXT = 4_000
MAX_SIZE = 2**53 - 1
MAX_ARTIFACTS = 500
MAX_EVIDENCE = 100
MAX_ENVIRONMENTS = 50
"""Each is a question to a neighbour or a verdict: no pull request may ask for thousands."""

KINDS: tuple[Kind, ...] = ("model", "policy", "config")
CHANGE_TYPES: tuple[ChangeType, ...] = ("standard", "normal", "emergency")

NAME = Form(
    re.compile(r"[a-z0-9][a-z0-9._-]{0,62}"),
    "a name of 1 to 63 lower-case letters, digits, '.', '_' and '-', starting with a letter or digit",
)
ENVIRONMENT = Form(re.compile(r"[a-z0-9-]{1,32}"), "an environment of 1 to 32 lower-case letters, digits and '-'")
VERSION = Form(re.compile(r"[!-~](?:[ -~]{0,62}[!-~])?"), "a version of 1 to 64 printable ASCII characters")
ARTIFACT_NAME = Form(
    re.compile(r"[A-Za-z0-9][A-Za-z0-9._+/-]{0,199}"),
    "a name of 1 to 200 letters, digits and any of . _ + / -, starting with a letter or digit",
)
SHA256 = Form(re.compile(r"[0-9a-f]{64}"), "64 lower-case hexadecimal digits", unambiguous=True)
EVIDENCE_TYPE = Form(
    re.compile(r"[a-z][a-z0-9-]{0,62}"),
    "a type of 1 to 63 lower-case letters, digits and '-', starting with a letter, such as test-result",
)
