"""AWS KMS: have a small ciphertext decrypted, once, at start. Credentials of the SDK's usual chain unless given.

https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html. The SDK is loaded only when it is used.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from integrations.errors import NeighbourError, RefusedError, UnavailableError

TIMEOUT_S = 10
ATTEMPTS = 3
_BUSY = ("Throttl", "Unavailable", "Internal", "Timeout")


def decrypt(
    ciphertext: bytes, *, region: str = "", endpoint: str = "", key_id: str = "", keys: tuple[str, str] | None = None
) -> bytes:
    """The plaintext of what `aws kms encrypt` wrote, as bytes or as the base64 that it prints. Blocks.

    ``key_id``: KMS refuses what another key encrypted. Raises NeighbourError.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    asked: dict[str, Any] = {"CiphertextBlob": _binary(ciphertext), **({"KeyId": key_id} if key_id else {})}
    try:
        answer = _client(region, endpoint, keys).decrypt(**asked)
    except ClientError as error:
        raise _translated(error.response) from error
    except (BotoCoreError, ValueError) as error:
        raise UnavailableError(f"AWS KMS cannot be asked: {error}") from error
    plaintext = answer.get("Plaintext")
    if not isinstance(plaintext, bytes) or not plaintext:
        raise UnavailableError("AWS KMS answered without a plaintext")
    return plaintext


def _client(region: str, endpoint: str, keys: tuple[str, str] | None) -> Any:
    from botocore.config import Config
    from botocore.session import get_session

    access, secret = keys or (None, None)
    return get_session().create_client(
        "kms", region_name=region or None, endpoint_url=endpoint or None, aws_access_key_id=access,
        aws_secret_access_key=secret,
        config=Config(
            connect_timeout=TIMEOUT_S, read_timeout=TIMEOUT_S, retries={"total_max_attempts": ATTEMPTS}, proxies=None
        ),
    )  # fmt: skip


def _binary(ciphertext: bytes) -> bytes:
    """A blob of KMS never happens to be base64 text throughout: its header holds control characters."""
    try:
        return base64.b64decode(b"".join(ciphertext.split()), validate=True)
    except binascii.Error:
        return ciphertext


def _translated(response: Any) -> NeighbourError:
    error = response.get("Error", {})
    code = str(error.get("Code", "unknown"))
    text = f"AWS KMS answered {code}: {error.get('Message', '')}".rstrip(": ")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if any(word in code for word in _BUSY) or (isinstance(status, int) and status >= 500):
        return UnavailableError(text, status=status)
    return RefusedError(text, status=status)
