"""What an operator, or an attacker with the operator's rights, does to buckets: straight through the SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from tests.sinks import radosgw


class Buckets:
    def __init__(self, client: Any) -> None:
        self.client = client

    @classmethod
    @asynccontextmanager
    async def opened(cls, endpoint: str) -> AsyncIterator[Buckets]:
        from aiobotocore.config import AioConfig
        from aiobotocore.session import get_session

        made = get_session().create_client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id=radosgw.ACCESS,
            aws_secret_access_key=radosgw.SECRET,
            config=AioConfig(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
        )
        async with made as client:
            yield cls(client)

    async def create(self, name: str, days: int | None = None, *, lock: bool = True, mode: str = "COMPLIANCE") -> None:
        await self.client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=lock)
        if days is not None:
            await self.default(name, days, mode)

    async def default(self, name: str, days: int, mode: str = "COMPLIANCE") -> None:
        await self.client.put_object_lock_configuration(
            Bucket=name,
            ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": mode, "Days": days}},
            },
        )

    async def retain(
        self, name: str, key: str, version: str, until: int, mode: str = "COMPLIANCE", **more: Any
    ) -> None:
        await self.client.put_object_retention(
            Bucket=name,
            Key=key,
            VersionId=version,
            Retention={"Mode": mode, "RetainUntilDate": datetime.fromtimestamp(until // 1_000_000, UTC)},
            **more,
        )
