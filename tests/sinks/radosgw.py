"""A real S3 server with object lock on loopback: Ceph's monitor, manager, one disk in memory, and its S3 gateway.

    python -m tests.sinks.radosgw FOLDER

Debian packages: radosgw ceph-mon ceph-osd ceph-mgr ceph-common. Needs about 1.3 GB of memory and 20 seconds. A
stand-in that lets a COMPLIANCE lock be shortened would prove nothing.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import msgspec

PROGRAMS = ("radosgw", "ceph-mon", "ceph-osd", "ceph-mgr", "ceph", "radosgw-admin", "monmaptool")
ACCESS = "countersign"
SECRET = "a secret for loopback only"
PATIENCE_S = 120

_SETTINGS = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{v2}/0,v1:127.0.0.1:{v1}/0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
auth allow insecure global id reclaim = true
ms mon client mode = crc
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
osd objectstore = memstore
osd memory target = 939524096
memstore device bytes = 2147483648
mon allow pool size one = true
mon max pg per osd = 1000
mon data = {folder}/mon
mgr data = {folder}/mgr
osd data = {folder}/osd
run dir = {folder}
log file = {folder}/$name.log
pid file = {folder}/$name.pid
admin socket = {folder}/$name.asok
[client.rgw.test]
rgw data = {folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:{http}
"""


class Gateway(msgspec.Struct, frozen=True):
    """``pids`` are the processes that were started."""

    endpoint: str
    folder: str
    pids: tuple[int, ...]


def start(folder: Path) -> Gateway:
    """Raises RuntimeError with the end of the logs when it does not come up."""
    ports = _free_ports(3)
    settings = folder / "ceph.conf"
    fsid = str(uuid.uuid4())
    settings.write_text(_SETTINGS.format(fsid=fsid, folder=folder, v1=ports[0], v2=ports[1], http=ports[2]))
    for name in ("mon", "mgr", "osd", "rgw"):
        (folder / name).mkdir()
    disk = str(uuid.uuid4())
    monitors = str(folder / "monmap")
    address = f"[v2:127.0.0.1:{ports[1]},v1:127.0.0.1:{ports[0]}]"
    try:
        _run(settings, "monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, monitors)
        _run(settings, "ceph-mon", "--mkfs", "-i", "a", "--monmap", monitors)
        _run(settings, "ceph-mon", "-i", "a")
        _run(settings, "ceph-mgr", "-i", "x")
        _run(settings, "ceph", "osd", "new", disk)
        _run(settings, "ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk, "--no-mon-config")
        _run(settings, "ceph-osd", "-i", "0")
        _run(settings, "radosgw", "-n", "client.rgw.test")
        _wait(ports[2])
        _run(
            settings, "radosgw-admin", "user", "create", "--uid=test", "--display-name=test",
            f"--access-key={ACCESS}", f"--secret-key={SECRET}",
        )  # fmt: skip
    except (subprocess.SubprocessError, TimeoutError) as error:
        said = "\n".join(f"{log.name}: {log.read_text(errors='replace')[-1000:]}" for log in folder.glob("*.log"))
        stop(_pids(folder))
        raise RuntimeError(f"expected radosgw to start, found {error!r}\n{said}") from error
    return Gateway(f"http://127.0.0.1:{ports[2]}", str(folder), _pids(folder))


def stop(pids: Sequence[int]) -> None:
    """Nothing of it is kept, so nothing needs to end in order."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _run(settings: Path, program: str, *arguments: str) -> None:
    subprocess.run(
        [program, "-c", str(settings), *arguments],
        check=True,
        capture_output=True,
        timeout=PATIENCE_S,
        env={**os.environ, "CEPH_CONF": str(settings)},
    )


def _wait(port: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("GET", "/")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.2)
    raise TimeoutError(f"nothing answers at port {port}")


def _pids(folder: Path) -> tuple[int, ...]:
    return tuple(int(file.read_text()) for file in folder.glob("*.pid") if file.read_text().strip())


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


if __name__ == "__main__":
    gateway = start(Path(sys.argv[1]))
    sys.stdout.write(f"{gateway.endpoint} {ACCESS} {SECRET!r}; end {' '.join(map(str, gateway.pids))}\n")
