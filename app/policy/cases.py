"""Reading a file of policy tests (schema countersign/policy-tests/v1): bytes in, the cases or every mistake out."""

from __future__ import annotations

from app.policy import words
from app.policy.cases_people import consents, contributors, groups, people
from app.policy.cases_powers import checks, delegation, exception, glass, owed, reporting
from app.policy.cases_things import artifacts, change, deployment, evidence, lineage, release
from app.policy.model import SCHEMA, Case, Expected, Facts, GateStatus, Suite
from app.policy.words import time
from gates.model import Outcome
from manifests.located_yaml import Mapping, Node
from manifests.located_yaml_reader import Fields, Read, Reader
from manifests.located_yaml_values import choice, form, instant, many, one_or_many, text
from manifests.policy_parser_forms import MAX_NAME
from manifests.release_parser_forms import ENVIRONMENT


def parse_cases(data: bytes, path: str) -> Suite:
    """The tests of one file, at most 512 KiB. Raises ManifestError with every problem and its place.

    Each case has the facts under `given` where it says nothing else.
    """
    reader = Reader(path)
    root = reader.load(data, words.MAX_BYTES)
    return reader.finish(None if root is None else _suite(reader, root))


def _suite(reader: Reader, root: Node) -> Suite:
    fields = reader.fields(root, "the policy tests", words.FILE_KEYS)
    fields.required("schema", choice(reader, (SCHEMA,)), "")
    common = fields.optional("given", _given(reader), Facts())
    # A name that could not be read is reported already and stands in as "".
    read_cases = many(reader, _case(reader, common), least=1, unique=lambda case: case.name or object())
    cases = fields.required("cases", read_cases, ())
    if len(cases) > words.MAX_CASES:
        message = f"Expected at most {words.MAX_CASES} cases, found {len(cases)}."
        reader.refuse(fields.at("cases"), "cases.too_many", message, "Split the file.")
    return Suite(
        cases=cases,
        policy=fields.optional("policy", form(reader, words.FILE), "countersign.yaml"),
        tenant=fields.optional("tenant", form(reader, words.FILE), None),
    )


def _given(reader: Reader) -> Read[Facts]:
    def read(node: Node, name: str) -> Facts:
        return _facts(reader.fields(node, "`given`", words.FACT_KEYS))

    return read


def _case(reader: Reader, common: Facts) -> Read[Case]:
    def read(node: Node, name: str) -> Case:
        fields = reader.fields(node, "a case", words.CASE_KEYS)
        return Case(
            name=fields.required("name", text(reader, MAX_NAME), ""),
            why=fields.optional("why", text(reader, words.MAX_SENTENCE), ""),
            facts=_facts(fields).over(common),
            expect=fields.required("expect", _expected(reader), Expected("deny")),
            line=node.line,
        )

    return read


def _facts(fields: Fields) -> Facts:
    reader = fields.reader
    return Facts(
        question=fields.optional("question", choice(reader, words.QUESTIONS), None),
        at=fields.optional("at", instant(reader), None),
        environment=fields.optional("environment", form(reader, ENVIRONMENT), None),
        seen=fields.optional("seen", time(reader), None),
        release=fields.optional("release", release(reader), Facts().release),
        people=fields.optional("people", people(reader), {}),
        groups=fields.optional("groups", groups(reader), {}),
        approvals=fields.optional("approvals", many(reader, consents(reader, words.APPROVAL_KEYS)), None),
        rejections=fields.optional("rejections", many(reader, consents(reader, words.WITHHELD_KEYS)), None),
        holds=fields.optional("holds", many(reader, consents(reader, words.WITHHELD_KEYS)), None),
        contributors=fields.optional("contributors", many(reader, contributors(reader)), None),
        artifacts=fields.optional("artifacts", artifacts(reader), None),
        lineage=fields.optional("lineage", lineage(reader), None),
        evidence=fields.optional("evidence", many(reader, evidence(reader)), None),
        change=fields.optional("change", change(reader), None),
        deployment=fields.optional("deployment", deployment(reader), None),
        delegations=fields.optional("delegations", many(reader, delegation(reader)), None),
        exceptions=fields.optional("exceptions", many(reader, exception(reader)), None),
        glass=fields.optional("glass", many(reader, glass(reader)), None),
        retrospectives=fields.optional("retrospectives", many(reader, owed(reader)), None),
        checks=fields.optional("checks", checks(reader), None),
        reporting=fields.optional("reporting", reporting(reader), None),
    )


def _expected(reader: Reader) -> Read[Expected]:
    outcome: Read[Outcome] = choice(reader, words.OUTCOMES)

    def read(node: Node, name: str) -> Expected | None:
        if not isinstance(node, Mapping):
            word = outcome(node, name)
            return None if word is None else Expected(word)
        fields = reader.fields(node, "`expect`", words.EXPECT_KEYS)
        asked: Outcome = fields.required("outcome", outcome, "deny")
        says = one_or_many(reader, text(reader, words.MAX_SENTENCE))
        return Expected(asked, fields.optional("gates", _gates(reader), {}), fields.optional("says", says, ()))

    return read


def _gates(reader: Reader) -> Read[dict[str, GateStatus]]:
    status: Read[GateStatus] = choice(reader, words.STATUSES)
    gate = choice(reader, words.GATES)

    def read(node: Node, name: str) -> dict[str, GateStatus]:
        found = {}
        for entry in reader.entries(node, name):
            key, value = gate(entry.key, name), status(entry.value, entry.key.text[:MAX_NAME])
            if key is not None and value is not None:
                found[key] = value
        return found

    return read
