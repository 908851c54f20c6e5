"""How the words of a policy must look."""

from __future__ import annotations

import re

from manifests.located_yaml_values import Form
from manifests.policy import Way

WAYS: tuple[Way, ...] = ("review", "command", "cli", "passkey", "servicenow")
MAX_NAME = 100
MAX_LINE = 200
MAX_SEATS = 20
MAX_CONDITIONS = 200
MAX_CONDITION_DEPTH = 8
MAX_GROUP_DEPTH = 8
MAX_LIST = 100
MAX_INCLUDES = 16
MAX_RECURRENCES = 100
MAX_SIZE = 1_000_000
MAX_EXPIRY_S = 90 * 86_400
MAX_REVIEW_S = 30 * 86_400
MAX_EXCEPTION_S = 366 * 86_400
MAX_AGE_S = 3_660 * 86_400
MAX_SPAN_S = 31 * 86_400
MAX_MEMBERSHIP_AGE_S = 90 * 86_400
MAX_KEY_COOLDOWN_S = 90 * 86_400
MAX_FRESHNESS_S = 3_600
MAX_ID = 2**53 - 1

_OWNER = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38})"
_REPOSITORY_NAME = r"[A-Za-z0-9._-]{1,100}"

GROUP_NAME = Form(
    re.compile(r"[a-z0-9][a-z0-9_-]{0,62}"),
    "a name of 1 to 63 lower-case letters, digits, '_' and '-', starting with a letter or digit",
)
TEAM = Form(re.compile(_OWNER + r"/[a-z0-9_.-]{1,100}"), "organisation/team-slug, such as acme/senior-developers")
LOGIN = Form(re.compile(_OWNER), "a GitHub login")
MACHINE = Form(re.compile(_OWNER + r"(?:\[bot\])?"), "the GitHub login of a machine, such as acme-deploy")
ORGANISATION = Form(re.compile(_OWNER), "the login of a GitHub organisation, such as acme")
APP = Form(
    re.compile(r"[a-z0-9][a-z0-9-]{0,99}"),
    "the slug of a GitHub App such as github-actions, or status for a commit status, or any",
)
FINGERPRINT = Form(
    re.compile(r"SHA256:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]"),
    "an OpenSSH fingerprint: SHA256: and 43 base64 characters (ssh-keygen -lf prints it)",
)
REPOSITORY = Form(
    re.compile(rf"{_OWNER}/(?:\*|(?!\.{{1,2}}$){_REPOSITORY_NAME})"),
    "owner/name, or owner/* for all of an owner",
)
# A pattern would let whoever may push a branch choose one that matches, with a lax policy on it.
BASE_REF = Form(
    re.compile(
        r"(?!refs/)(?!.*(?:\.\.|//|/\.|\.lock(?:/|$)))[A-Za-z0-9_](?:[A-Za-z0-9_./@+#-]{0,198}[A-Za-z0-9_@+#-])?"
    ),
    "the exact name of a branch, such as main, without refs/heads/ and without wildcards",
)
PATTERN = Form(
    re.compile(r"[A-Za-z0-9_.*?!@+#/\[\]-]{1,200}"),
    "a name or pattern of 1 to 200 ASCII letters, digits and any of _ . * ? ! @ + # / [ ] -",
)
# Branches of forks are told as owner:branch.
HEAD_REF = Form(
    re.compile(r"[A-Za-z0-9_.*?!@+#/\[\]:-]{1,200}"),
    "a branch, owner:branch or a pattern of 1 to 200 ASCII letters, digits and any of _ . * ? ! @ + # / [ ] : -",
)
ONE_REPOSITORY = Form(re.compile(rf"{_OWNER}/(?!\.{{1,2}}$){_REPOSITORY_NAME}"), "owner/name")
REF = Form(
    re.compile(r"(?!.*(?:\.\.|//))[A-Za-z0-9_](?:[A-Za-z0-9_./@+#-]{0,198}[A-Za-z0-9_@+#-])?"),
    "a commit, a tag or a branch",
)
FIELD = Form(
    re.compile(r"(?=.{1,200}$)[A-Za-z0-9_@$-]{1,64}(?:\.[A-Za-z0-9_@$-]{1,64}){0,9}"),
    "names with dots between them, such as metrics.breach_rate",
)
TIMEZONE = Form(
    re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(?:/[A-Za-z0-9][A-Za-z0-9_+-]{0,31}){0,2}"),
    "the IANA name of a time zone, such as Europe/Zurich",
)
WORKFLOW = Form(
    re.compile(
        rf"(?:{_OWNER}/{_REPOSITORY_NAME}/)?\.github/workflows/[A-Za-z0-9._-]{{1,100}}\.ya?ml(?:@[!-~]{{1,200}})?"
    ),
    "a workflow file, [owner/repository/].github/workflows/name.yml[@ref]",
)
