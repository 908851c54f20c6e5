"""A whole log as a stranger gets it: strangers' tools agree, and one flipped bit anywhere makes them fail."""

from __future__ import annotations

import base64
import re
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pymerkle import InmemoryTree

from app.audit.errors import RecordAlteredError, TreeAlteredError
from app.exports.errors import EmptyLogError, ExportError, TakenError
from app.exports.model import Ask
from app.exports.outside import reader
from app.exports.run import export
from manifests import checkpoint
from manifests.keys import PrivateKey
from manifests.note import VerifierKey
from tests.audit.made import fill
from tests.exports import strangers
from tests.exports.made import ORIGIN, VKEY, export_of, tell_nobody, whole

Go = Callable[[Path], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Go:
    return strangers.go(tmp_path_factory.mktemp("go"))


async def test_the_files_are_those_of_tlog_tiles(tmp_path: Path) -> None:
    folder = await whole(tmp_path)
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    key = VKEY.key_id.hex()
    assert found == [
        "README.md", "SHA256SUMS", "checkpoint", "consistency/13", "consistency/13.checkpoint", "consistency/6",
        "consistency/6.checkpoint", f"keys/{key}.pem", f"keys/{key}.vkey", "tile/0/000", "tile/0/001.p/57",
        "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/57", "verify.go", "verify.py",
    ]  # fmt: skip


async def test_another_library_computes_the_signed_root_from_the_entries(tmp_path: Path) -> None:
    folder = await whole(tmp_path)
    tree = InmemoryTree(algorithm="sha256")
    for name in ("000", "001.p/57"):
        data = (folder / "tile/entries" / name).read_bytes()
        while data:
            end = 2 + int.from_bytes(data[:2], "big")
            tree.append_entry(data[2:end])
            data = data[end:]
    signed = checkpoint.verify((folder / "checkpoint").read_bytes(), ORIGIN, [VKEY])
    assert (tree.get_size(), tree.get_root()) == (signed.size, signed.root)


async def test_gos_own_packages_verify_it(tmp_path: Path, go: Go) -> None:
    ran = go(await whole(tmp_path))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "313 records lead to the signed root; 2 earlier checkpoints are its beginnings.\n"


async def test_the_standard_library_of_python_is_enough(tmp_path: Path) -> None:
    ran = strangers.python(await whole(tmp_path))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("313 records lead to the root in the checkpoint; 2 earlier checkpoints")


FLIPPED = [
    ("checkpoint", 0), ("checkpoint", 26), ("checkpoint", 40), ("checkpoint", -20), ("tile/entries/000", 500),
    ("tile/entries/000", 1), ("tile/entries/001.p/57", -1), ("tile/0/000", 0), ("tile/0/001.p/57", -1),
    ("tile/1/000.p/1", 5), ("consistency/6", 10), ("consistency/6", 4), ("consistency/13.checkpoint", -20),
    ("consistency/13.checkpoint", 26),
]  # fmt: skip
UNSEEN_BY_PYTHON = {("checkpoint", 0), ("checkpoint", -20), ("consistency/13.checkpoint", -20)}
"""It cannot check signatures, and computes the earlier roots itself."""


@pytest.mark.parametrize(("name", "at"), FLIPPED)
async def test_a_flipped_bit_is_found(tmp_path: Path, go: Go, name: str, at: int) -> None:
    folder = await whole(tmp_path)
    data = bytearray((folder / name).read_bytes())
    data[at] ^= 1
    (folder / name).write_bytes(data)
    assert go(folder).returncode == 1
    if (name, at) not in UNSEEN_BY_PYTHON and not name.startswith("consistency/6"):
        assert strangers.python(folder).returncode == 1
    sums = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, capture_output=True)
    assert sums.returncode == 1


@pytest.mark.parametrize("name", ["tile/entries/001.p/44", "tile/0/000", "tile/1/000.p/1", "checkpoint"])
@pytest.mark.parametrize("spoil", ["removed", "cut", "doubled"])
async def test_a_missing_or_cut_file_is_found(tmp_path: Path, go: Go, name: str, spoil: str) -> None:
    folder = await whole(tmp_path, (300,))
    path = folder / name
    data = path.read_bytes()
    if spoil == "removed":
        path.unlink()
    else:
        path.write_bytes(data[:-32] if spoil == "cut" else data + data)
    assert go(folder).returncode == 1
    assert strangers.python(folder).returncode == 1 or (name == "checkpoint" and spoil != "removed")


async def test_another_key_does_not_open_it(tmp_path: Path, go: Go) -> None:
    folder = await whole(tmp_path, (3,))
    for path in (folder / "keys").glob("*.vkey"):
        path.write_text(VerifierKey(ORIGIN, PrivateKey.generate("ed25519").public).encode())
    ran = go(folder)
    assert (ran.returncode, "no verifiable signatures" in ran.stderr) == (1, True)


async def test_the_commands_of_the_readme_run_as_they_stand(tmp_path: Path) -> None:
    folder = await whole(tmp_path)
    text = (folder / "README.md").read_text()
    assert VKEY.encode() in text
    ran = strangers.commands(folder, text)
    assert "Signature Verified Successfully" in ran
    assert "313 records lead to the root in the checkpoint" in ran
    assert "313 records lead to the signed root" in ran


async def test_a_wrong_signature_fails_the_command_of_the_readme(tmp_path: Path) -> None:
    folder = await whole(tmp_path, (3,))
    other = base64.b64encode(VKEY.key_id + bytes(64)).decode()
    signed = re.sub(r"(— \S+ )\S+", rf"\g<1>{other}", (folder / "checkpoint").read_text())
    (folder / "checkpoint").write_text(signed)
    with pytest.raises(subprocess.CalledProcessError):
        strangers.commands(folder, (folder / "README.md").read_text().split("## 4.")[0].split("## 3.")[1])


async def test_an_archive_holds_the_same_files(tmp_path: Path) -> None:
    folder = await whole(tmp_path)
    summary = await export_of(f"sqlite:///{tmp_path}/log.db", tmp_path / "acme.tar.gz")
    with tarfile.open(tmp_path / "acme.tar.gz") as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    compared = subprocess.run(["diff", "-r", folder, tmp_path / "unpacked/acme"], capture_output=True)
    assert compared.returncode == 0, compared.stdout
    assert (summary.records, summary.size, summary.files) == (313, 313, 16)


async def test_both_databases_export_the_same(database_url: str, tmp_path: Path) -> None:
    await fill(database_url, batches=(4, 260))
    summary = await export_of(database_url, tmp_path / "export")
    assert (summary.records, strangers.python(tmp_path / "export").returncode) == (264, 0)


@pytest.mark.parametrize("name", ["there", "there.tar.gz"])
async def test_nothing_is_written_over(tmp_path: Path, name: str) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url, batches=(3,))
    (tmp_path / name).mkdir()
    with pytest.raises(TakenError):
        await export_of(url, tmp_path / name)
    assert list((tmp_path / name).iterdir()) == []


@pytest.mark.parametrize("name", ["export", "export.tar.gz"])
async def test_an_export_that_fails_leaves_nothing(tmp_path: Path, name: str) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url, batches=(300,))
    (tmp_path / "to").mkdir()

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with reader(url) as read, pytest.raises(KeyboardInterrupt):
        export(read, Ask("acme"), tmp_path / "to" / name, (VKEY,), stop)
    assert list((tmp_path / "to").iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE records SET body = x'7b7d' WHERE seq = 7",
        "UPDATE records SET (leaf, body) = (SELECT leaf, body FROM records WHERE seq = 8) WHERE seq = 7",
        "UPDATE records SET seq = 400 WHERE seq = 7",
        "UPDATE checkpoints SET note = replace(note, 'acme', 'other')",
        "UPDATE checkpoints SET note = replace(note, '— ', '— x')",
    ],
)
async def test_an_altered_log_is_not_exported(tmp_path: Path, change: str) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url, batches=(300,))
    strangers.tamper(tmp_path / "log.db", change)
    with pytest.raises((RecordAlteredError, TreeAlteredError, ExportError)):
        await export_of(url, tmp_path / "export")
    assert not (tmp_path / "export").exists()


async def test_without_a_key_or_a_record_there_is_nothing_to_export(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url, batches=(3,))
    with reader(url) as read:
        with pytest.raises(ExportError, match="--key"):
            export(read, Ask("acme"), tmp_path / "export", (), tell_nobody)
        with pytest.raises(EmptyLogError):
            export(read, Ask("nobody"), tmp_path / "export", (VKEY,), tell_nobody)
        with pytest.raises(ExportError, match="make it first"):
            export(read, Ask("acme"), tmp_path / "missing/export", (VKEY,), tell_nobody)
