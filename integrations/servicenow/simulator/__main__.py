"""Runs the simulator by itself: ``python -m integrations.servicenow.simulator --port 0``.

Prints one JSON line with its address and the integration user, then serves until it is told to stop.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from typing import get_args

from integrations.servicenow.simulator.server import ServiceNowSimulator
from integrations.servicenow.simulator.settings import Profile, Settings


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m integrations.servicenow.simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--profile", choices=get_args(Profile), default="model_strict")
    parser.add_argument("--approval-delay", type=float, default=0.02, metavar="SECONDS")
    asked = parser.parse_args()
    settings = Settings(profile=asked.profile, approval_delay_s=asked.approval_delay)
    asyncio.run(_serve(ServiceNowSimulator(settings, host=asked.host, port=asked.port)))


async def _serve(simulator: ServiceNowSimulator) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    await simulator.start()
    line = {"base_url": simulator.base_url, "user": simulator.user, "password": simulator.password}
    print(json.dumps(line), flush=True)
    await stopped.wait()
    await simulator.stop()


if __name__ == "__main__":
    main()
