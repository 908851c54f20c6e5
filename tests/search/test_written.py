"""What people are given to read: exact where nothing is secret, harmless in a spreadsheet, without secrets."""

from __future__ import annotations

import csv
import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.search import scrub, written
from manifests import record
from manifests.errors import ManifestError
from manifests.merkle import leaf_hash
from manifests.record import Draft, Record, facts

WORDS = st.text(max_size=12)
NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
DATA = st.dictionaries(NAMES, VALUES, max_size=4)
HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    " =1",
    "\u200b=1",
    "\ufeff@x",
    "|x",
]

SECRETS = {
    "Countersign token": "cs_0123456789abcdef_" + "A" * 43,
    "GitHub token": "ghp_" + "a1" * 18,
    "AWS key": "AKIA" + "ABCD1234" * 2,
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "private key": "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n-----END OPENSSH PRIVATE KEY-----",
    "credential": "Authorization: Basic dXNlcjpwYXNzd29yZA==",
    "password in an address": "postgresql://countersign:hunter2@db/countersign",
    "AWS secret key": "aws_secret_access_key = " + "wJalrXUtnF" * 4,
}
HIDDEN = ("b3Blbn", "dXNlcjpwYXNz", "hunter2")
MORE = ["gho_" + "b" * 36, "ghs_" + "c" * 36, "github_pat_" + "d" * 22, "ASIA" + "Z9" * 8, "bearer " + "e" * 20]


def made(**values: object) -> Record:
    data = facts(values.pop("data", {}))
    draft = Draft(
        trace_id="t", ts=1_790_000_000_000_001, stage="verify", event="head.seen", component="gate", data=data
    )
    sealed = record.seal(msgspec.structs.replace(draft, **values), log="acme", seq=7, tseq=3, prev="0" * 64)
    return record.parse(sealed)


def cells(one: Record) -> dict[str, str]:
    rows = list(
        csv.reader(io.StringIO((written.csv_header() + written.csv_row(one)).decode(), newline=""), strict=True)
    )
    assert len(rows) == 2
    return dict(zip(*rows, strict=True))


@given(DATA, WORDS, WORDS)
def test_a_line_is_the_record_itself_or_says_that_it_is_not(data: dict[str, object], actor: str, outcome: str) -> None:
    one = made(data=data, actor_ref=actor, outcome=outcome)
    text = written.json_line(one)
    assert text.endswith(b"\n")
    assert text.count(b"\n") == 1
    if b'"scrubbed":' in text:
        with pytest.raises(ManifestError):
            record.parse(text[:-1])
    else:
        assert record.parse(text[:-1]) == one


@given(DATA, WORDS | st.sampled_from(HOSTILE), WORDS)
def test_a_row_gives_back_its_cells_and_none_is_a_formula(data: dict[str, object], actor: str, action: str) -> None:
    one = made(data=data, actor_ref=actor, action=action)
    read = cells(one)
    assert tuple(read) == written.COLUMNS
    for cell in read.values():
        assert not cell.lstrip("\u200b\ufeff \x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0").startswith(tuple("=+-@\t\r\n＝＋－＠"))
    assert read["actor_ref"].removeprefix("'") in (actor.replace("\0", "\ufffd"), actor.removeprefix("'"))
    assert read["seq"] == "7"
    assert read["time"] == "2026-09-21T14:13:20.000001Z"
    assert read["leaf"] == leaf_hash(written.exact(one)).hex()
    if not read["scrubbed"]:
        assert msgspec.json.decode(read["data"]) == data


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_formula_becomes_text(hostile: str) -> None:
    assert cells(made(resource=hostile))["resource"] == "'" + hostile
    assert cells(made(resource="x" + hostile))["resource"] == "x" + hostile


def test_rows_end_and_are_quoted_as_rfc_4180_says() -> None:
    assert written.csv_header().endswith(b'"scrubbed"\r\n')
    assert written.csv_header(bom=True) == b"\xef\xbb\xbf" + written.csv_header()
    assert b'"a ""b"",\r\nc"' in written.csv_row(made(resource='a "b",\r\nc'))


@pytest.mark.parametrize("secret", [*SECRETS.values(), *MORE], ids=lambda secret: secret[:14])
@pytest.mark.parametrize("around", ["{}", "before {} after", "x\u00e9{}\n"])
def test_secrets_are_taken_out_wherever_they_stand(secret: str, around: str) -> None:
    hidden = next((part for part in HIDDEN if part in secret), secret[-12:])
    text = around.format(secret)
    for one in (made(outcome=text), made(data={"deep": [{"er": text}]}), made(resource=text), made(tags=(text,))):
        for written_down in (written.json_line(one), written.csv_row(one)):
            assert hidden.encode() not in written_down
            assert b"[scrubbed: " in written_down


@pytest.mark.parametrize(("kind", "secret"), SECRETS.items())
def test_the_mark_names_what_was_there(kind: str, secret: str) -> None:
    found = written.line(made(outcome=secret))
    assert kind in found.scrubbed
    assert msgspec.json.decode(found.text)["scrubbed"] == list(found.scrubbed)
    assert cells(made(outcome=secret))["scrubbed"] == ", ".join(found.scrubbed)


@pytest.mark.parametrize("name", ["password", "client_secret", "Authorization", "api-key", "Set-Cookie"])
def test_what_is_called_a_secret_is_one(name: str) -> None:
    one = made(data={"in": {name: "hunter2"}})
    for text in (written.json_line(one), written.csv_row(one)):
        assert b"hunter2" not in text
        assert name.encode() in text


@pytest.mark.parametrize(
    "harmless",
    [
        "token:0123456789abcdef", "https://acme.example/a@b", "a basic rule", "cs_1", "the secret of success",
        "ghost_story", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI", "f" * 64,
    ],
)  # fmt: skip
def test_what_is_no_secret_stays(harmless: str) -> None:
    one = made(outcome=harmless, data={"note": harmless})
    assert written.json_line(one) == written.exact(one) + b"\n"


@given(
    st.lists(st.sampled_from([*SECRETS.values(), *MORE, " ", "x", "\n", ":", "@", "token ", "://a:"]), max_size=6).map(
        "".join
    )
)
def test_taking_out_twice_takes_out_nothing_more(text: str) -> None:
    once = scrub.text(text, lambda kind: None)
    assert scrub.text(once, lambda kind: None) == once


@given(
    st.lists(st.sampled_from([*SECRETS.values(), *MORE, " ", "x", "\u00e9", "\n", '"', "\\"]), max_size=5).map("".join)
)
def test_no_secret_is_missed_for_want_of_a_hint(text: str) -> None:
    told: list[str] = []
    scrub.text(text, told.append)
    assert not told or scrub.may_hold(written.exact(made(outcome=text)))
