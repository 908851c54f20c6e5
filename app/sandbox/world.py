"""Countersign on this machine with a simulated GitHub and ServiceNow, over real HTTP on loopback."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr

from app.clock import Clock, now
from app.sandbox import documents
from app.sandbox.adopting import adopt_standing
from app.service import Service, open_service
from app.settings.model import (
    ConsoleSettings,
    DatabaseSettings,
    ExportSettings,
    GitHubSettings,
    KeySettings,
    Server,
    ServiceNowSettings,
    Settings,
    TenantSettings,
)
from app.tokens.model import Permission, Scope
from integrations.github.simulator.server import GitHubSimulator
from integrations.servicenow.simulator import ServiceNowSimulator
from integrations.servicenow.simulator import Settings as ServiceNowSimulatorSettings
from manifests.keys import PrivateKey
from manifests.policy import POLICY_PATH

TENANT = "acme"
REPOSITORY = "acme/models"
SECRET = "sandbox-webhook-secret-for-loopback-only"  # noqa: S105 - both ends are on this machine
PEOPLE = ("alice", "bob", "carol", "dana", "mallory")
"""alice and bob are senior developers, alice asks for the release; carol is a risk manager, dana both; mallory may
push but is in no group. erin and frank work in ServiceNow."""


class World:
    """Both simulators, populated, and a service; ``database_url`` None means SQLite in ``folder``.

    ``change`` False: the policy asks for no change request. ``github_key``: the App's, made when left out.
    ``adopted`` False: the policy counts only once stewards adopt it.
    """

    def __init__(
        self, folder: Path, *, database_url: str | None = None, clock: Clock = now, port: int = 0, change: bool = True,
        github_key: rsa.RSAPrivateKey | None = None, adopted: bool = True,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.clock = clock
        self.training = PrivateKey.generate("ed25519")
        self.testing = PrivateKey.generate("ed25519")
        self.alice = PrivateKey.generate("ed25519")
        self.github = GitHubSimulator()
        self.servicenow = ServiceNowSimulator(ServiceNowSimulatorSettings(approval_delay_s=0.02))
        self.service: Service | None = None
        self._database_url = database_url or f"sqlite:///{folder / 'countersign.db'}"
        self._port = port
        self._change = change
        self._is_adopted = not adopted
        self._github_key = github_key or rsa.generate_private_key(public_exponent=65537, key_size=2048)

    async def start(self, *, sweep: bool = False, configure: Callable[[Settings], Settings] | None = None) -> Service:
        """Everything up: people, repository with policy, the App installed, the service listening."""
        await self.start_neighbours()
        return await self.start_service(sweep=sweep, configure=configure)

    async def start_neighbours(self) -> None:
        """Both simulators, populated; the service may be started elsewhere with ``settings``."""
        await self.github.start()
        await self.servicenow.start()
        self._populate_github()
        self._populate_servicenow()

    async def start_service(
        self, github_url: str = "", *, sweep: bool = False, configure: Callable[[Settings], Settings] | None = None
    ) -> Service:
        settings = self.settings(github_url or self.github.base_url)
        settings = configure(settings) if configure else settings
        self.service = await open_service(settings, clock=self.clock)
        if not self._is_adopted:
            # Once: what somebody puts there later, past the check, is for the stewards to look at.
            self._is_adopted = True
            await self.adopt()
        await self.service.start(sweep=sweep)
        self.app.webhook_url = f"{self.service.address}/webhooks/github"
        return self.service

    async def stop(self) -> None:
        await self.stop_service()
        await self.github.stop()
        await self.servicenow.stop()

    async def stop_service(self) -> None:
        if self.service is not None:
            service, self.service = self.service, None
            await service.stop()

    def settings(self, github_url: str) -> Settings:
        policy = self.folder / "tenant.yaml"
        policy.write_bytes(documents.tenant_policy(self.installation.id))
        tenant = TenantSettings(
            id=TENANT,
            policy=policy,
            servicenow=ServiceNowSettings(
                url=self.servicenow.base_url, user=self.servicenow.user, password=SecretStr(self.servicenow.password),
                poll_s=1,
            ),
        )  # fmt: skip
        key = self._github_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return Settings(
            sandbox=True,
            server=self._server(),
            database=DatabaseSettings(url=SecretStr(self._database_url)),
            github=GitHubSettings(
                app_id=str(self.app.id), private_key=SecretStr(key), webhook_secrets=(SecretStr(SECRET),),
                api_url=github_url, web_url=github_url, pacing=False,
            ),
            tenants=(tenant,),
            keys=KeySettings(directory=self.folder / "keys"),
            exports=ExportSettings(directory=self.folder / "exports"),
            console=ConsoleSettings(open=True),
        )  # fmt: skip

    def _server(self) -> Server:
        """With a port that is known beforehand, links lead here; without one they keep to the default."""
        known = {"public_url": f"http://127.0.0.1:{self._port}"} if self._port else {}
        return Server(host="127.0.0.1", port=self._port, **known)

    async def token(self, *permissions: Permission, name: str = "sandbox") -> str:
        """An API token for the tenant."""
        assert self.service is not None
        created = await self.service.tokens.create(
            TENANT, name, Scope(permissions=permissions), by="service:sandbox", days=1
        )
        return created.text

    async def adopt(self, repository: str = REPOSITORY, branch: str = "main") -> None:
        """Have two stewards adopt the policy that stands on a branch, where it does not count yet."""
        assert self.service is not None
        await adopt_standing(self.service.database, self.github, repository, branch, self.clock())

    async def put_policy(self, policy: bytes, repository: str = REPOSITORY, branch: str = "main") -> None:
        """Another policy on a branch, pushed and adopted."""
        self.github.push(repository, branch, {POLICY_PATH: policy}, author="alice")
        await self.adopt(repository, branch)

    def release_files(
        self, version: str = "3.2.0", *, shift: float = 0.0, folder: str = documents.FOLDER,
        name: str = documents.NAME,
    ) -> dict[str, bytes]:  # fmt: skip
        """The files of a release whose change window is open now."""
        return documents.release_files(
            documents.train(shift=shift), self.training, self.testing, version=version, window=self.window(),
            folder=folder, name=name,
        )  # fmt: skip

    @property
    def policy(self) -> bytes:
        """The repository's, as it is when everything begins."""
        return documents.policy(self.training, self.testing, self.alice, change=self._change)

    def window(self) -> tuple[str, str]:
        start = datetime.fromtimestamp(self.clock() // 1_000_000, UTC) - timedelta(minutes=5)
        return start.strftime("%Y-%m-%dT%H:%M:%SZ"), (start + timedelta(hours=4)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _populate_github(self) -> None:
        github = self.github
        github.create_organisation("acme")
        for login in PEOPLE:
            github.create_user(login)
        github.create_team("acme", "senior-developers", members=("alice", "bob", "dana"))
        github.create_team("acme", "risk", members=("carol", "dana"))
        files = {
            "README.md": b"# Models\n",
            POLICY_PATH: self.policy,
        }
        github.create_repository(REPOSITORY, files)
        self.app = github.create_app(
            "countersign", self._github_key.public_key(), webhook_url=None, secret=SECRET.encode()
        )
        self.installation = github.install_app("countersign", "acme")

    def _populate_servicenow(self) -> None:
        for name in ("erin", "frank", "carol.risk"):
            self.servicenow.add_user(name, name=name.title(), email=f"{name}@acme.example")
        self.servicenow.add_group("Change Management", ["erin"])
        self.servicenow.add_group("CAB Approval", ["frank"])
        self.servicenow.add_group("Risk Management", ["carol.risk"])
