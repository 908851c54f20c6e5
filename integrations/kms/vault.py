"""HashiCorp Vault's transit engine: have a small ciphertext decrypted, once, at start.

https://developer.hashicorp.com/vault/api-docs/secret/transit#decrypt-data
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from email.message import Message
from typing import IO

import msgspec

from integrations.errors import RefusedError, UnavailableError
from manifests import strict_base64
from manifests.errors import ManifestError

TIMEOUT_S = 10
MAX_ANSWER = 1 << 20


class _Data(msgspec.Struct, frozen=True):
    plaintext: str


class _Answer(msgspec.Struct, frozen=True):
    data: _Data


class _Errors(msgspec.Struct, frozen=True):
    errors: tuple[str, ...] = ()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A token must not follow to where an answer points."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


def decrypt(ciphertext: bytes, *, address: str, token: str, key: str, mount: str, namespace: str = "") -> bytes:
    """The plaintext of ``vault:v<n>:…``. Blocks. Raises NeighbourError."""
    try:
        body = msgspec.json.encode({"ciphertext": ciphertext.decode("ascii").strip()})
    except UnicodeDecodeError as error:
        raise RefusedError("expected vault:v1:…, found bytes that are not ASCII") from error
    headers = {"X-Vault-Token": token, "X-Vault-Request": "true", "Content-Type": "application/json"}
    if namespace:
        headers["X-Vault-Namespace"] = namespace
    url = f"{address}/v1/{mount}/decrypt/{key}"
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=TIMEOUT_S) as response:
            answer = response.read(MAX_ANSWER)
    except urllib.error.HTTPError as error:
        raise _refused(error) from None
    except urllib.error.URLError as error:
        raise UnavailableError(f"Vault cannot be asked: {error.reason}") from error
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise UnavailableError(f"Vault cannot be asked: {type(error).__name__}") from error
    try:
        return strict_base64.decode(msgspec.json.decode(answer, type=_Answer).data.plaintext, "the plaintext")
    except (msgspec.MsgspecError, ManifestError, UnicodeError) as error:
        # The answer may hold the key: nothing of it is told.
        raise UnavailableError("Vault answered something else than a plaintext") from error


def _refused(error: urllib.error.HTTPError) -> RefusedError | UnavailableError:
    try:
        told = "; ".join(msgspec.json.decode(error.read(MAX_ANSWER), type=_Errors).errors)
    except (msgspec.MsgspecError, OSError, http.client.HTTPException, UnicodeError):
        told = ""
    text = f"Vault answered {error.code}{f': {told}' if told else ''}"
    kind = UnavailableError if error.code >= 500 or error.code == 429 else RefusedError
    return kind(text, status=error.code)
