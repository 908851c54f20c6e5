"""The simulator's Table and Attachment APIs behave as instances do."""

from __future__ import annotations

import pytest

from integrations.servicenow.simulator import ServiceNowSimulator
from tests.servicenow.support import Answer, HandClock, Rest

CHANGES = "/api/now/table/change_request"


async def _open(rest: Rest, **fields: object) -> dict[str, str]:
    answer = await rest.call("POST", CHANGES, fields, params={"sysparm_exclude_reference_link": "true"})
    assert answer.status == 201
    row: dict[str, str] = answer.result
    return row


async def test_every_value_is_a_string_and_unset_is_empty(rest: Rest) -> None:
    row = await _open(rest, short_description="x", on_hold=False)
    assert all(isinstance(value, str) for value in row.values())
    assert (row["state"], row["on_hold"], row["approval"]) == ("-5", "false", "not requested")
    assert (row["close_code"], row["assignment_group"], row["sys_mod_count"]) == ("", "", "0")


async def test_creating_answers_201_with_a_location(rest: Rest, simulator: ServiceNowSimulator) -> None:
    answer = await rest.call("POST", CHANGES, {})
    assert answer.status == 201
    assert answer.headers["Location"] == f"{simulator.base_url}{CHANGES}/{answer.result['sys_id']}"


async def test_unknown_and_read_only_fields_are_ignored(rest: Rest) -> None:
    row = await _open(rest, bunk_field="x", sys_created_by="someone", number="CHG1")
    assert "bunk_field" not in row
    assert (row["sys_created_by"], row["number"]) == ("countersign.bot", "CHG0030001")


@pytest.mark.parametrize(
    ("display", "links", "shape"),
    [
        ("false", "false", ["link", "value"]),
        ("true", "false", ["display_value", "link"]),
        ("all", "false", ["display_value", "link", "value"]),
        ("all", "true", ["display_value", "value"]),
    ],
)
async def test_a_reference_has_the_shape_that_was_asked_for(
    rest: Rest, display: str, links: str, shape: list[str]
) -> None:
    row = await _open(rest)
    params = {"sysparm_display_value": display, "sysparm_exclude_reference_link": links}
    shown = (await rest.call("GET", f"{CHANGES}/{row['sys_id']}", params=params)).result
    assert sorted(shown["opened_by"]) == shape
    assert (shown["assigned_to"] == "") == (display != "all")
    if display == "all":
        assert shown["sys_id"] == {"display_value": row["sys_id"], "value": row["sys_id"]}
        assert shown["state"] == {"display_value": "New", "value": "-5"}


async def test_a_reference_without_link_is_its_key(rest: Rest, simulator: ServiceNowSimulator) -> None:
    row = await _open(rest)
    user = simulator.instance.people.named(simulator.user)
    assert row["opened_by"] == user.sys_id
    shown = await rest.call("GET", CHANGES, params={"sysparm_display_value": "true", "sysparm_fields": "state"})
    assert shown.result == [{"state": "New"}]


async def test_dot_walked_fields_come_back_flat_and_unknown_ones_not_at_all(rest: Rest) -> None:
    await _open(rest)
    fields = "number,opened_by.user_name,opened_by.nothing,nothing"
    assert await rest.table("change_request", sysparm_fields=fields) == [
        {"number": "CHG0030001", "opened_by.user_name": "countersign.bot"}
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "abc"),
        ("short_description=a", "a"),
        ("short_description!=a", "bc"),
        ("short_description=a^risk=2", "a"),
        ("short_description=a^risk=4", ""),
        ("short_description=a^ORshort_description=b^risk=2", "a"),
        ("risk=2^short_description=b^ORshort_description=c", "c"),
        ("short_description=a^risk=2^NQshort_description=b", "ab"),
        ("short_descriptionINa,c", "ac"),
        ("short_descriptionNOT INa,c", "b"),
        ("short_descriptionSTARTSWITHb", "b"),
        ("short_descriptionLIKEc", "c"),
        ("close_codeISEMPTY", "abc"),
        ("close_codeISNOTEMPTY", ""),
        ("risk<3", "ac"),
        ("riskBETWEEN3@4", "b"),
        ("opened_by.user_name=countersign.bot", "abc"),
        ("opened_by.user_name=rita.risk", ""),
        ("opened_by=javascript:gs.getUserID()", "abc"),
        ("ORDERBYDESCshort_description", "cba"),
        ("ORDERBYrisk^ORDERBYDESCshort_description", "cab"),
        ("short_description=a^EQ", "a"),
        ("bunk_field=1", "abc"),
        ("bunk_field=1^short_description=b", "b"),
        ("Short_Description=b", "abc"),
        ("short_description=A", ""),
    ],
)
async def test_an_encoded_query_finds_what_an_instance_would(rest: Rest, query: str, found: str) -> None:
    for text, risk in (("a", "2"), ("b", "4"), ("c", "2")):
        await _open(rest, short_description=text, risk=risk)
    rows = await rest.table("change_request", query, sysparm_fields="short_description")
    assert "".join(row["short_description"] for row in rows) == found


async def test_an_unknown_field_can_be_made_to_match_nothing(rest: Rest, simulator: ServiceNowSimulator) -> None:
    await _open(rest)
    simulator.settings.invalid_query_returns_no_rows = True
    assert await rest.table("change_request", "bunk_field=1") == []


async def test_other_parameters_are_filters_with_labels_allowed(rest: Rest) -> None:
    await _open(rest, short_description="x")
    assert len((await rest.call("GET", CHANGES, params={"state": "new"})).result) == 1
    assert (await rest.call("GET", CHANGES, params={"state": "closed"})).result == []


@pytest.mark.parametrize(
    ("method", "path", "status", "message", "detail"),
    [
        (
            "GET",
            f"{CHANGES}/{'0' * 32}",
            404,
            "No Record found",
            "Record doesn't exist or ACL restricts the record retrieval",
        ),
        ("GET", "/api/now/table/bunk", 400, "Invalid table bunk", None),
        ("GET", "/api/now/bunk", 400, "Requested URI does not represent any resource: /now/bunk", None),
        ("GET", "/api/now/v1/table/change_request", 404, "No Record found", ...),
        ("POST", "/api/now/table/sys_user", 403, "Operation Failed", ...),
        ("DELETE", "/api/now/table/change_request", 405, "Method not supported", None),
    ],
)
async def test_a_refusal_has_the_body_that_instances_send(
    rest: Rest, method: str, path: str, status: int, message: str, detail: object
) -> None:
    answer = await rest.call(method, path, {} if method == "POST" else None)
    assert (answer.status, answer.body["error"]["message"], answer.body["status"]) == (status, message, "failure")
    assert detail is ... or answer.body["error"]["detail"] == detail


async def test_an_empty_list_is_200_since_version_two(rest: Rest) -> None:
    answer = await rest.call("GET", "/api/now/v2/table/change_request")
    assert (answer.status, answer.result) == (200, [])


@pytest.mark.parametrize("body", [[], "x", 1, True])
async def test_a_body_that_is_no_json_object_is_refused(
    rest: Rest, simulator: ServiceNowSimulator, body: object
) -> None:
    assert (await rest.call("POST", CHANGES, body)).status == 400
    assert simulator.changes() == ()


async def test_who_cannot_sign_in_gets_401(rest: Rest) -> None:
    for user in (("countersign.bot", "wrong"), ("nobody", "x"), ("rita.risk", "")):
        answer = await rest.call("GET", CHANGES, user=user)
        assert (answer.status, answer.body["error"]["message"]) == (401, "User Not Authenticated")


async def test_approvers_cannot_open_or_write_the_change(rest: Rest) -> None:
    row = await _open(rest)
    rita = ("rita.risk", "rita.risk-pw")
    assert (await rest.call("GET", f"{CHANGES}/{row['sys_id']}", user=rita)).status == 404
    assert (await rest.call("POST", CHANGES, {}, user=rita)).detail == (
        "ACL Exception Insert Failed due to security constraints"
    )


async def test_pages_are_linked_counted_and_short_where_rows_are_hidden(
    rest: Rest, simulator: ServiceNowSimulator
) -> None:
    rows = [await _open(rest, short_description=str(index)) for index in range(5)]
    simulator.hide_row("change_request", rows[2]["sys_id"])
    params = {"sysparm_limit": "2", "sysparm_offset": "2", "sysparm_query": "ORDERBYnumber"}
    answer = await rest.call("GET", CHANGES, params=params)
    assert [row["short_description"] for row in answer.result] == ["3"]
    assert answer.headers["X-Total-Count"] == "5"
    links = answer.headers["Link"]
    for name, offset in (("first", 0), ("prev", 0), ("next", 4), ("last", 4)):
        assert f'sysparm_offset={offset}>;rel="{name}"' in links
    quiet = {**params, "sysparm_no_count": "true", "sysparm_suppress_pagination_header": "true"}
    headers = (await rest.call("GET", CHANGES, params=quiet)).headers
    assert "Link" not in headers
    assert "X-Total-Count" not in headers


async def test_a_hidden_field_is_absent(rest: Rest, simulator: ServiceNowSimulator) -> None:
    await _open(rest)
    simulator.hide_field("sys_user", "email")
    fields = "opened_by.email,opened_by.name"
    assert await rest.table("change_request", sysparm_fields=fields) == [{"opened_by.name": "Countersign"}]


async def test_a_write_counts_once_and_names_its_caller(rest: Rest, clock: HandClock) -> None:
    row = await _open(rest, short_description="a")
    clock.now += 1_999_999
    path = f"{CHANGES}/{row['sys_id']}"
    changed = (await rest.call("PATCH", path, {"short_description": "b"}, user=("root", "root-pw"))).result
    assert (changed["sys_mod_count"], changed["sys_updated_by"]) == ("1", "root")
    assert changed["sys_updated_on"] == "2026-09-21 14:13:21"
    same = (await rest.call("PUT", path, {"short_description": "b"})).result
    assert (same["sys_mod_count"], same["sys_updated_by"]) == ("1", "root")


async def test_journals_are_write_only_and_read_from_their_own_table(rest: Rest) -> None:
    row = await _open(rest, work_notes="at birth")
    path = f"{CHANGES}/{row['sys_id']}"
    shown = (await rest.call("PATCH", path, {"work_notes": "later", "comments": "hello"})).result
    assert (shown["work_notes"], shown["comments"]) == ("", "")
    notes = await rest.table("sys_journal_field", f"element_id={row['sys_id']}^element=work_notes")
    assert [(note["value"], note["sys_created_by"]) for note in notes] == [
        ("at birth", "countersign.bot"),
        ("later", "countersign.bot"),
    ]


@pytest.mark.parametrize(
    ("field", "written", "kept"),
    [
        ("short_description", "x" * 200, "x" * 160),
        ("correlation_id", "y" * 101, "y" * 100),
        ("close_code", "splendid", ""),
        ("on_hold", True, "true"),
        ("assignment_group", {"value": "a" * 32, "link": "x"}, "a" * 32),
    ],
)
async def test_odd_values_are_kept_as_instances_keep_them(rest: Rest, field: str, written: object, kept: str) -> None:
    row = await _open(rest, **{field: written})
    assert row[field] == kept


async def test_deleting_answers_204_and_only_to_administrators(rest: Rest) -> None:
    path = f"{CHANGES}/{(await _open(rest))['sys_id']}"
    assert (await rest.call("DELETE", path)).status == 403
    assert (await rest.call("DELETE", path, user=("root", "root-pw"))).status == 204
    assert (await rest.call("GET", path)).status == 404


async def _upload(rest: Rest, **params: str) -> Answer:
    return await rest.call("POST", "/api/now/attachment/file", {"a": 1}, params=params)


async def test_an_attachment_has_string_metadata_and_a_raw_body(rest: Rest) -> None:
    key = (await _open(rest))["sys_id"]
    answer = await _upload(rest, table_name="change_request", table_sys_id=key, file_name="a.json")
    assert answer.status == 201
    assert (answer.result["size_bytes"], answer.result["content_type"]) == ("8", "application/json")
    link = answer.result["download_link"]
    content = await rest.call("GET", link[link.index("/api") :])
    assert content.body == {"a": 1}
    one = await rest.call("GET", f"/api/now/attachment/{answer.result['sys_id']}")
    assert one.result == answer.result


async def test_an_attachment_needs_a_record_and_all_parameters(rest: Rest) -> None:
    assert (await _upload(rest, table_name="change_request", table_sys_id="0" * 32, file_name="a")).status == 404
    assert (await _upload(rest, table_name="change_request", file_name="a")).status == 400
    assert (await _upload(rest, table_name="bunk", table_sys_id="0" * 32, file_name="a")).status == 400
