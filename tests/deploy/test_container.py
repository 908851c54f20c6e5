from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from app.settings.names import keys
from tests.deploy.files import DEPLOY, ROOT, read_yaml

DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
FINAL_STAGE = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
COMPOSE: Any = read_yaml(DEPLOY / "compose.yaml")
COUNTERSIGN: Any = COMPOSE["services"]["countersign"]


def test_the_image_installs_only_what_the_hashes_confirm() -> None:
    assert "--require-hashes --no-deps -r requirements.lock" in DOCKERFILE
    installs = re.findall(r"pip (?:install|wheel)[^\n]*", DOCKERFILE)
    assert installs
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)


def test_the_image_takes_only_what_exists_and_what_the_ignore_file_lets_through() -> None:
    copied = {
        word for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]
    }
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in ignore
    assert copied == {line[1:] for line in ignore if line.startswith("!")}
    assert all((ROOT / name).exists() for name in copied)


def test_the_image_runs_without_root_and_is_asked_for_its_health() -> None:
    user = re.search(r"^USER (\d+):(\d+)$", FINAL_STAGE, re.MULTILINE)
    assert user is not None
    assert int(user[1]) > 0
    assert "HEALTHCHECK" in FINAL_STAGE
    assert "/healthz" in FINAL_STAGE
    assert COUNTERSIGN["user"] == f"{user[1]}:{user[2]}"


def test_the_container_cannot_write_but_where_its_state_is() -> None:
    volume = re.search(r"^VOLUME (\S+)$", FINAL_STAGE, re.MULTILINE)
    assert volume is not None
    assert COUNTERSIGN["read_only"] is True
    writable = [mount.split(":")[1] for mount in COUNTERSIGN["volumes"] if not mount.endswith(":ro")]
    assert writable == [volume[1]]
    assert COUNTERSIGN["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in COUNTERSIGN["security_opt"]


@pytest.mark.parametrize("service", sorted(COMPOSE["services"]))
def test_no_secret_stands_in_the_compose_file(service: str) -> None:
    for name, value in COMPOSE["services"][service]["environment"].items():
        if re.search(r"PASSWORD|SECRET|TOKEN|KEY|URL", name):
            assert name.endswith("_FILE"), name
            assert value.startswith("/run/secrets/"), name


@pytest.mark.parametrize("service", sorted(COMPOSE["services"]))
def test_every_secret_that_is_used_is_declared_as_a_file(service: str) -> None:
    declared = COMPOSE["secrets"]
    assert all(set(secret) == {"file"} for secret in declared.values())
    used = COMPOSE["services"][service]["secrets"]
    assert set(used) <= set(declared)
    mentioned = re.findall(r"/run/secrets/(\w+)", str(COMPOSE["services"][service]["environment"]))
    assert set(mentioned) == set(used)


def test_every_declared_secret_is_used() -> None:
    used = {name for service in COMPOSE["services"].values() for name in service["secrets"]}
    assert used == set(COMPOSE["secrets"])


def test_the_variables_are_settings() -> None:
    known = {key.variable.replace("<N>", "0"): key for key in keys()}
    for name in COUNTERSIGN["environment"]:
        plain = name.removesuffix("_FILE")
        assert plain in known, name
        assert known[plain].secret == name.endswith("_FILE"), name


def test_what_is_mounted_has_an_example() -> None:
    for mount in COUNTERSIGN["volumes"]:
        source = mount.split(":")[0]
        if source.startswith("./"):
            path = Path(source)
            assert (DEPLOY / f"{path.stem}.example{path.suffix}").is_file(), mount


def test_nobody_but_this_machine_reaches_the_ports_and_nobody_outside_the_database() -> None:
    assert all(port.startswith("127.0.0.1:") for port in COUNTERSIGN["ports"])
    postgres = COMPOSE["services"]["postgres"]
    assert "ports" not in postgres
    assert all(COMPOSE["networks"][name]["internal"] is True for name in postgres["networks"])
