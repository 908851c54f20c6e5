"""The simulated ServiceNow instance over real HTTP, with the levers that people, flows and bad luck pull."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping

from aiohttp import web

from integrations.servicenow.records import NUMBER_OF_STATE
from integrations.servicenow.simulator.attachment_api import AttachmentApi
from integrations.servicenow.simulator.change_api import ChangeApi
from integrations.servicenow.simulator.faults import Fault
from integrations.servicenow.simulator.gate import Gate, Seen
from integrations.servicenow.simulator.instance import Instance
from integrations.servicenow.simulator.oauth_api import OAuthApi
from integrations.servicenow.simulator.settings import Settings
from integrations.servicenow.simulator.steering_api import SteeringApi
from integrations.servicenow.simulator.store import Row
from integrations.servicenow.simulator.table_api import TableApi
from integrations.servicenow.simulator.view import ChangeView, view

INTEGRATION_USER = "countersign.bot"
INTEGRATION_PASSWORD = "bot-password"
_BIGGEST_BODY = 10_485_760


def _now() -> int:
    return time.time_ns() // 1000


def _new_id() -> str:
    return secrets.token_hex(16)


class ServiceNowSimulator:
    """One instance. Starts with the integration user (roles itil) and the empty group named in the settings.

    ``clock`` gives microseconds since 1970 UTC, ``ids`` sys_ids. Steering methods belong to the event loop that
    ran ``start``; from elsewhere use ``/_sim/``. LookupError for an unknown user, group, change or row.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], int] = _now,
        ids: Callable[[], str] = _new_id,
    ) -> None:
        self.settings = Settings() if settings is None else settings
        self.instance = Instance(self.settings, clock, ids)
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None
        self._gate = Gate(self.instance)
        self._users: dict[str, str] = {}
        self.user = INTEGRATION_USER
        self.password = INTEGRATION_PASSWORD
        self.add_user(self.user, password=self.password, name="Countersign", roles=("itil",))
        self.add_group(self.settings.cab_group)

    @property
    def base_url(self) -> str:
        return self.instance.base_url

    async def start(self) -> None:
        """Listens; ``base_url`` is known afterwards."""
        app = web.Application(middlewares=[self._gate.middleware()], client_max_size=_BIGGEST_BODY)
        for room in (TableApi, AttachmentApi, ChangeApi, OAuthApi):
            app.add_routes(room(self.instance).routes())
        app.add_routes(SteeringApi(self).routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        port = self._runner.addresses[0][1]
        self.instance.base_url = f"http://{self._host}:{port}"

    async def stop(self) -> None:
        self.instance.flows.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    # People and groups

    def add_user(
        self,
        user_name: str,
        *,
        name: str = "",
        email: str = "",
        password: str = "",
        active: bool = True,
        roles: Iterable[str] = ("approver_user",),
    ) -> str:
        """The sys_id. Without a password nobody can sign in as this user over REST."""
        values = {
            "user_name": user_name,
            "name": name or user_name.replace(".", " ").title(),
            "email": email or f"{user_name}@example.com",
            "active": "true" if active else "false",
        }
        row = self.instance.store.insert("sys_user", values, "admin")
        self.instance.people.add(row, password, frozenset(roles))
        self._users[user_name] = row["sys_id"]
        return row["sys_id"]

    def set_active(self, user_name: str, active: bool) -> None:
        values = {"active": "true" if active else "false"}
        self.force("sys_user", self._users[user_name], values, "admin")

    def add_group(self, name: str, members: Iterable[str] = (), *, active: bool = True) -> str:
        """The sys_id; ``members`` are user names."""
        values = {"name": name, "active": "true" if active else "false"}
        row = self.instance.store.insert("sys_user_group", values, "admin")
        for member in members:
            self.add_member(name, member)
        return row["sys_id"]

    def add_member(self, group: str, user_name: str, by: str = "admin") -> str:
        values = {"group": self._group(group), "user": self._users[user_name]}
        return self.instance.store.insert("sys_user_grmember", values, by)["sys_id"]

    def remove_member(self, group: str, user_name: str) -> None:
        store = self.instance.store
        found = store.find("sys_user_grmember", group=self._group(group), user=self._users[user_name])
        for row in found:
            store.delete("sys_user_grmember", row["sys_id"])

    def add_oauth_client(self, client_id: str, secret: str, user_name: str) -> None:
        """Also switches the client_credentials grant on."""
        self.settings.client_credentials_enabled = True
        self.instance.people.add_client(client_id, secret, user_name)

    # Changes and approvals

    def changes(self) -> tuple[ChangeView, ...]:
        store = self.instance.store
        return tuple(view(store, row) for row in store.rows("change_request"))

    def change(self, key: str) -> ChangeView:
        """By number or sys_id."""
        return view(self.instance.store, self.change_row(key))

    def plant_change(self, fields: Mapping[str, str], created_by: str = "mallory") -> ChangeView:
        """A change that someone else made, with any stored field values, asking no rule."""
        row = self.instance.store.insert("change_request", fields, created_by)
        return view(self.instance.store, row)

    def move(self, key: str, state: str, by: str = "admin") -> ChangeView:
        """Moves to a state by its word (``implement``), asking no rule; flows react as to any move."""
        row = self.change_row(key)
        self.instance.desk.move(row, NUMBER_OF_STATE[state], by)
        return view(self.instance.store, row)

    def decide(self, approval: str, user_name: str, state: str, comments: str = "") -> None:
        """A person answers one approval row (its sys_id); Refusal unless it is theirs and still asks."""
        row = self.instance.store.get("sysapproval_approver", approval)
        if row is None:
            raise LookupError(f"no approval row {approval}")
        self.instance.desk.approvals.respond(row, state, comments, self.instance.people.named(user_name))

    def decide_change(self, key: str, user_name: str, state: str, comments: str = "") -> None:
        """A person answers the row of this change that asks them."""
        change = self.change_row(key)
        found = self.instance.store.find(
            "sysapproval_approver",
            sysapproval=change["sys_id"],
            approver=self._users[user_name],
            state="requested",
        )
        if not found:
            raise LookupError(f"{change['number']} does not ask {user_name} for approval")
        self.decide(found[0]["sys_id"], user_name, state, comments)

    def force(self, table: str, sys_id: str, fields: Mapping[str, str], by: str = "system") -> None:
        """Writes a row as a server script would: no access rule, no business rule, no flow."""
        row = self.instance.store.get(table, sys_id)
        if row is None:
            raise LookupError(f"no row {sys_id} in {table}")
        self.instance.store.update(table, row, fields, by)

    def insert(self, table: str, fields: Mapping[str, str], by: str = "system") -> str:
        """A row made by a server script, such as an approval that was never asked for; its sys_id."""
        return self.instance.store.insert(table, fields, by)["sys_id"]

    def run_flows(self) -> None:
        """Does now what flows have waiting."""
        self.instance.flows.run()

    # What goes wrong

    def fail_next(
        self,
        method: str,
        path_regex: str,
        status: int,
        body: str = "",
        headers: Mapping[str, str] | None = None,
        *,
        commit_first: bool = False,
        times: int = 1,
    ) -> None:
        """The next matching requests are answered so; status 0 breaks the connection; method ``*`` is any."""
        fault = Fault(method, path_regex, status, body, dict(headers or {}), commit_first, times)
        self._gate.faults.plan(fault)

    def clear_faults(self) -> None:
        self._gate.faults.clear()

    def hide_row(self, table: str, sys_id: str) -> None:
        self.instance.hidden_rows.add((table, sys_id))

    def hide_field(self, table: str, field: str) -> None:
        self.instance.hidden_fields.add((table, field))

    def revoke_tokens(self) -> None:
        self.instance.people.revoke_tokens()

    def requests(self) -> tuple[Seen, ...]:
        """API requests seen so far."""
        return tuple(self._gate.seen)

    def forget_requests(self) -> None:
        self._gate.seen.clear()

    def change_row(self, key: str) -> Row:
        store = self.instance.store
        row = store.get("change_request", key)
        found = [row] if row is not None else store.find("change_request", number=key)
        if not found:
            raise LookupError(f"no change {key}")
        return found[0]

    def _group(self, name: str) -> str:
        found = self.instance.store.find("sys_user_group", name=name)
        if not found:
            raise LookupError(f"no group {name}")
        return found[0]["sys_id"]
