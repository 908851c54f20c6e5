"""Serving until told to stop."""

from __future__ import annotations

import asyncio
import signal

import structlog

from app import logging
from app.service import open_service
from app.settings.model import Settings
from app.settings.neighbours import refuse_simulators

_log = structlog.get_logger()


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then stop gracefully."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    if not settings.sandbox:
        await refuse_simulators(settings)
    service = await open_service(settings)
    await service.start()
    await stopping.wait()
    _log.info("service.stopping")
    await service.stop()


def serve(settings: Settings) -> None:
    logging.configure(settings.log.level, settings.log.format)
    asyncio.run(run(settings))
