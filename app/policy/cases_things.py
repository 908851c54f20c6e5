"""Reading what a case says of things: the release, its artifacts and documents, the change, the deployment."""

from __future__ import annotations

from app.policy import words
from app.policy.cases_reports import finding, report_fields
from app.policy.model import (
    ArtifactSaid,
    ArtifactState,
    ChangeApprovalSaid,
    ChangeSaid,
    DeploymentSaid,
    DocumentSaid,
    ReleaseSaid,
    Time,
    Unread,
    WindowSaid,
    Word,
)
from app.policy.words import placed, time
from gates.model import FoundIssue
from manifests.located_yaml import Node, Scalar
from manifests.located_yaml_reader import Fields, Read, Reader
from manifests.located_yaml_values import boolean, choice, form, integer, many, one_or_many, text
from manifests.policy import RISKS
from manifests.policy_parser_forms import BASE_REF, FIELD, LOGIN, MAX_LINE, MAX_NAME, MAX_SIZE
from manifests.release_parser_forms import (
    ARTIFACT_NAME,
    CHANGE_TYPES,
    ENVIRONMENT,
    EVIDENCE_TYPE,
    KINDS,
    MAX_TEXT,
    NAME,
    VERSION,
)


def release(reader: Reader) -> Read[ReleaseSaid]:
    """The release and its pull request."""
    size = integer(reader, 0, 10 * MAX_SIZE)
    unread: Read[tuple[Unread, ...]] = one_or_many(reader, choice(reader, words.UNREAD))

    def read(node: Node, name: str) -> ReleaseSaid:
        fields = reader.fields(node, "`release`", words.RELEASE_KEYS)
        return ReleaseSaid(
            kind=fields.optional("kind", choice(reader, KINDS), None),
            name=fields.optional("name", form(reader, NAME), None),
            version=fields.optional("version", form(reader, VERSION), None),
            rationale=fields.optional("rationale", text(reader, MAX_TEXT, least=0), None),
            environments=fields.optional("environments", one_or_many(reader, form(reader, ENVIRONMENT)), None),
            path=fields.optional("path", form(reader, words.PATH), None),
            repository=fields.optional("repository", form(reader, words.FULL_REPOSITORY), None),
            base_ref=fields.optional("base_ref", form(reader, BASE_REF), None),
            author=fields.optional("author", placed(form(reader, LOGIN)), None),
            proposed=fields.optional("proposed", time(reader), None),
            state=fields.optional("state", choice(reader, words.STATES), None),
            draft=fields.optional("draft", boolean(reader), None),
            window=fields.optional("window", _window(reader), None),
            risk=fields.optional("risk", choice(reader, RISKS), None),
            labels=fields.optional("labels", many(reader, text(reader, MAX_NAME), unique=str.casefold), None),
            changed=fields.optional("changed", many(reader, form(reader, words.CHANGED), unique=str), None),
            files=fields.optional("files", size, None),
            lines=fields.optional("lines", size, None),
            head_ref=fields.optional("head_ref", form(reader, words.BRANCH), None),
            head_since=fields.optional("head_since", time(reader), None),
            superseded=fields.optional("superseded", text(reader, words.MAX_SENTENCE), None),
            unread=fields.optional("unread", unread, None),
        )

    return read


def _window(reader: Reader) -> Read[WindowSaid]:
    def read(node: Node, name: str) -> WindowSaid:
        fields = reader.fields(node, "`window`", words.WINDOW_KEYS)
        nothing = Time()
        return WindowSaid(
            fields.required("start", time(reader), nothing), fields.required("end", time(reader), nothing)
        )

    return read


def artifacts(reader: Reader) -> Read[tuple[ArtifactSaid, ...]]:
    """A list of names, or of `{name, state}`."""
    name_of = form(reader, ARTIFACT_NAME)

    def one(node: Node, name: str) -> ArtifactSaid | None:
        if isinstance(node, Scalar):
            found = name_of(node, name)
            return None if found is None else ArtifactSaid(found)
        fields = reader.fields(node, "an artifact", words.ARTIFACT_KEYS)
        state: ArtifactState = fields.optional("state", choice(reader, words.ARTIFACT_STATES), "present")
        return ArtifactSaid(fields.required("name", name_of, ""), state)

    return many(reader, one, least=1, unique=lambda artifact: artifact.name or object())


def lineage(reader: Reader) -> Read[DocumentSaid]:
    def read(node: Node, name: str) -> DocumentSaid:
        fields = reader.fields(node, "`lineage`", words.LINEAGE_KEYS)
        yes = boolean(reader)
        return DocumentSaid(
            present=fields.optional("present", yes, True),
            readable=fields.optional("readable", yes, True),
            signed_by=fields.optional("signed_by", _signers(reader), None),
            covers=fields.optional("covers", yes, True),
            datasets=fields.optional("datasets", yes, True),
        )

    return read


def evidence(reader: Reader) -> Read[DocumentSaid]:
    def read(node: Node, name: str) -> DocumentSaid:
        fields = reader.fields(node, "an entry of `evidence`", words.EVIDENCE_KEYS)
        yes = boolean(reader)
        return DocumentSaid(
            type=fields.required("type", placed(form(reader, EVIDENCE_TYPE)), Word("")),
            readable=fields.optional("readable", yes, True),
            signed_by=fields.optional("signed_by", _signers(reader), None),
            covers=fields.optional("covers", yes, True),
            result=fields.optional("result", form(reader, words.RESULT), "PASSED"),
            fields=fields.optional("fields", report_fields(reader), ()),
            without=fields.optional("without", one_or_many(reader, form(reader, FIELD)), ()),
            findings=_findings(fields),
        )

    return read


def _findings(fields: Fields) -> tuple[FoundIssue, ...] | None:
    """The list, or the word that says that there is none."""
    node = fields.at("findings")
    if fields.has("findings") and isinstance(node, Scalar) and node.text == words.UNREADABLE:
        return None
    return fields.optional("findings", many(fields.reader, finding(fields.reader)), ())


def _signers(reader: Reader) -> Read[tuple[Word, ...]]:
    """One signer or a list of them; an empty list: nobody signed."""
    signer = placed(text(reader, MAX_LINE))
    several = many(reader, signer, unique=lambda word: word.text)

    def read(node: Node, name: str) -> tuple[Word, ...] | None:
        if isinstance(node, Scalar):
            found = signer(node, name)
            return None if found is None else (found,)
        return several(node, name)

    return read


def change(reader: Reader) -> Read[ChangeSaid]:
    default = ChangeSaid()

    def read(node: Node, name: str) -> ChangeSaid:
        fields = reader.fields(node, "`change`", words.CHANGE_KEYS)
        return ChangeSaid(
            present=fields.optional("present", boolean(reader), True),
            type=fields.optional("type", choice(reader, CHANGE_TYPES), None),
            state=fields.optional("state", form(reader, words.STATE), default.state),
            on_hold=fields.optional("on_hold", boolean(reader), False),
            window=fields.optional("window", _window(reader), None),
            content_at=fields.optional("content_at", time(reader), default.content_at),
            approvals=fields.optional("approvals", many(reader, _change_approval(reader)), None),
            problem=fields.optional("problem", text(reader, words.MAX_SENTENCE), ""),
        )

    return read


def _change_approval(reader: Reader) -> Read[ChangeApprovalSaid]:
    default = ChangeApprovalSaid(Word(""))

    def read(node: Node, name: str) -> ChangeApprovalSaid:
        fields = reader.fields(node, "an approval of the change", words.CHANGE_APPROVAL_KEYS)
        yes = boolean(reader)
        return ChangeApprovalSaid(
            by=fields.required("by", placed(form(reader, LOGIN)), default.by),
            state=fields.optional("state", form(reader, words.STATE), default.state),
            group=fields.optional("group", text(reader, MAX_LINE), None),
            at=fields.optional("at", time(reader), default.at),
            own_hand=fields.optional("own_hand", yes, True),
            active=fields.optional("active", yes, True),
            in_group=fields.optional("in_group", yes, True),
            linked=fields.optional("linked", yes, True),
        )

    return read


def deployment(reader: Reader) -> Read[DeploymentSaid]:
    def read(node: Node, name: str) -> DeploymentSaid:
        fields = reader.fields(node, "`deployment`", words.DEPLOYMENT_KEYS)
        yes = boolean(reader)
        return DeploymentSaid(
            present=fields.optional("present", yes, True),
            reachable=fields.optional("reachable", yes, True),
            same_revision=fields.optional("same_revision", yes, True),
            same_artifacts=fields.optional("same_artifacts", yes, True),
        )

    return read
