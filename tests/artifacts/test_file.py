from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations.artifacts.client import Artifacts
from integrations.artifacts.hashing import BLOCK
from integrations.artifacts.port import ArtifactSource, FoundArtifact
from integrations.errors import NotFoundError, RefusedError

LIMIT = 1 << 30


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture
def source(root: Path) -> ArtifactSource:
    return Artifacts([root], [], None)


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
async def test_every_byte_of_a_file_is_hashed(source: ArtifactSource, root: Path, size: int) -> None:
    data = os.urandom(size)
    (root / "m.pt").write_bytes(data)
    found = await source.digest(f"file://{root}/m.pt", LIMIT)
    assert found == FoundArtifact(hashlib.sha256(data).hexdigest(), size)


async def test_a_path_is_percent_decoded(source: ArtifactSource, root: Path) -> None:
    (root / "my model ü.pt").write_bytes(b"x")
    assert (await source.digest(f"file://{root}/my%20model%20%C3%BC.pt", LIMIT)).size == 1


async def test_exactly_the_limit_is_allowed_and_one_byte_more_is_not(source: ArtifactSource, root: Path) -> None:
    (root / "m.pt").write_bytes(b"12345")
    assert (await source.digest(f"file://{root}/m.pt", 5)).size == 5
    with pytest.raises(RefusedError, match=r"artifacts\.max_bytes"):
        await source.digest(f"file://{root}/m.pt", 4)


async def test_a_file_that_is_missing_is_not_found(source: ArtifactSource, root: Path) -> None:
    (root / "m.pt").write_bytes(b"x")
    for name in ("other.pt", "no/such/folder.pt", "m.pt/below", "x" * 300):
        with pytest.raises(NotFoundError):
            await source.digest(f"file://{root}/{name}", LIMIT)


async def test_outside_the_roots_nothing_is_told_about_what_exists(source: ArtifactSource, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "models-too").mkdir()
    (tmp_path / "models-too" / "m.pt").write_bytes(b"x")
    for name in ("secret", "missing", "models", "models-too/m.pt"):
        with pytest.raises(RefusedError, match=r"artifacts\.file_roots"):
            await source.digest(f"file://{tmp_path}/{name}", LIMIT)


@pytest.mark.parametrize("climb", ["../secret", "%2e%2e/secret", "%2E%2E%2Fsecret", "a/..%2f..%2fsecret"])
async def test_climbing_out_is_refused(source: ArtifactSource, root: Path, tmp_path: Path, climb: str) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    with pytest.raises(RefusedError):
        await source.digest(f"file://{root}/{climb}", LIMIT)


async def test_a_link_out_of_the_roots_is_refused(source: ArtifactSource, root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (root / "file-link").symlink_to(tmp_path / "secret")
    (root / "folder-link").symlink_to(tmp_path)
    for name in ("file-link", "folder-link/secret"):
        with pytest.raises(RefusedError, match=r"artifacts\.file_roots"):
            await source.digest(f"file://{root}/{name}", LIMIT)


async def test_links_that_stay_inside_are_followed(root: Path, tmp_path: Path) -> None:
    (root / "v1.pt").write_bytes(b"x")
    (root / "latest.pt").symlink_to("v1.pt")
    (tmp_path / "mount").symlink_to(root)
    source = Artifacts([tmp_path / "mount"], [], None)
    for folder in (root, tmp_path / "mount"):
        assert (await source.digest(f"file://{folder}/latest.pt", LIMIT)).size == 1


async def test_links_in_a_circle_are_refused(source: ArtifactSource, root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    with pytest.raises(RefusedError):
        await source.digest(f"file://{root}/a", LIMIT)


async def test_only_regular_files_are_read(source: ArtifactSource, root: Path) -> None:
    (root / "folder").mkdir()
    os.mkfifo(root / "pipe")
    for name in ("folder", "pipe"):
        with pytest.raises(RefusedError, match="regular file"):
            await source.digest(f"file://{root}/{name}", LIMIT)


async def test_a_device_is_not_read() -> None:
    with pytest.raises(RefusedError, match="regular file"):
        await Artifacts([Path("/dev")], [], None).digest("file:///dev/zero", LIMIT)


@pytest.fixture
def nobody() -> Iterator[None]:
    """Root may read everything, so root is somebody else for the while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


async def test_a_file_we_may_not_read_is_refused(request: pytest.FixtureRequest) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        root = Path(folder).resolve()
        root.chmod(0o755)
        (root / "m.pt").write_bytes(b"x")
        (root / "m.pt").chmod(0)
        source = Artifacts([root], [], None)
        request.getfixturevalue("nobody")
        with pytest.raises(RefusedError, match="may be read"):
            await source.digest(f"file://{root}/m.pt", LIMIT)
        if os.getuid() == 0:
            os.seteuid(0)


async def test_no_roots_allow_no_file(root: Path) -> None:
    (root / "m.pt").write_bytes(b"x")
    with pytest.raises(RefusedError, match=r"artifacts\.file_roots"):
        await Artifacts([], [], None).digest(f"file://{root}/m.pt", LIMIT)


@pytest.mark.parametrize(
    "uri",
    [
        "http://models.example/m.pt",
        "ftp://models.example/m.pt",
        "gs://bucket/m.pt",
        "data:,x",
        "m.pt",
        "",
        "FILE:///m.pt",
        "file://host/m.pt",
        "file:///m.pt?x=1",
        "file:///m%00.pt",
        "https://user:password@models.example/m.pt",
        "https:///m.pt",
        "s3://bucket",
    ],
)
async def test_any_other_address_is_refused(uri: str) -> None:
    with pytest.raises(RefusedError):
        await Artifacts([Path("/")], ["models.example"], None).digest(uri, LIMIT)
