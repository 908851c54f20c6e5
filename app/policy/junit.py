"""What came of tests as JUnit XML, which CI systems show."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from app.policy.judge import Judged
from app.policy.suites import Tested
from gates import render
from manifests.command_text import storable


def document(tested: Sequence[Tested]) -> bytes:
    """One suite for each file; mistakes in its documents are one case with an error.

    No times are given: a verdict does not depend on how long it took.
    """
    root = Element("testsuites", name="countersign policy test")
    for one in tested:
        _suite(root, one)
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _suite(root: Element, tested: Tested) -> None:
    failures = sum(bool(judged.differences) for judged in tested.judged)
    errors = 1 if tested.problems else 0
    suite = SubElement(
        root, "testsuite", name=_clean(tested.cases.path), tests=str(len(tested.judged) + errors),
        failures=str(failures), errors=str(errors), skipped="0",
    )  # fmt: skip
    properties = SubElement(suite, "properties")
    for name, source in (("tests", tested.cases), ("policy", tested.policy), ("tenant policy", tested.tenant)):
        if source is not None:
            SubElement(properties, "property", name=f"{name} sha256", value=source.sha256)
    if tested.problems:
        case = SubElement(suite, "testcase", name="documents", classname=_clean(tested.cases.path))
        error = SubElement(case, "error", message=_clean(str(tested.problems[0])), type="mistake")
        error.text = _clean("\n".join(str(problem) for problem in tested.problems))
    for judged in tested.judged:
        _case(suite, judged, tested.cases.path)


def _case(suite: Element, judged: Judged, path: str) -> None:
    case = SubElement(
        suite, "testcase", name=_clean(judged.case.name), classname=_clean(path), file=_clean(path),
        line=str(judged.case.line),
    )  # fmt: skip
    if judged.differences:
        failure = SubElement(case, "failure", message=_clean(judged.differences[0]), type="difference")
        failure.text = _clean("\n".join([*judged.differences, "", render.text(judged.verdict)]))


def _clean(text: str) -> str:
    """What XML 1.0 can hold (section 2.2)."""
    return "".join(letter if letter not in "\ufffe\uffff" else "\ufffd" for letter in storable(text))
