"""The App's key."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.github.keys import app_private_key


@pytest.fixture(scope="session")
def app_key() -> rsa.RSAPrivateKey:
    return app_private_key()
