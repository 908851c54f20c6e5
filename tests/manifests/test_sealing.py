from __future__ import annotations

import hashlib
import hmac

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import sealing, strict_base64
from manifests.errors import ManifestError
from manifests.record import Sealed
from manifests.sealing import PAD_TO, Place

KEY = bytes(range(32))
NONCE = bytes(range(12))
PLACE = Place("acme", "person-1", "person.seen", "login")

places = st.builds(Place, st.text(max_size=9), st.text(max_size=9), st.text(max_size=9), st.text(max_size=9))
keys = st.binary(min_size=32, max_size=32)
nonces = st.binary(min_size=12, max_size=12)


few = settings(max_examples=40)


def code(error: pytest.ExceptionInfo[ManifestError]) -> str:
    return error.value.problems[0].code


def test_a_box_is_the_one_that_the_format_describes() -> None:
    """Anybody must be able to open a box from the description alone; these bytes must never change."""
    sealed = sealing.seal(KEY, "k1", PLACE, "octocat", NONCE)
    assert sealed == Sealed(
        "AAECAwQFBgcICQoLzLIHyPGVoBpZ6tteUtGdNDdd+9xxOvv7MR4YdkVYCFjZGnWm+27GYhdBTgAvaa5y",
        "fab5e2b3873241739e4eca88969852f2c7ed706482a5e4e5e22f32d17778c1d3",
        "login",
        "k1",
    )


def test_the_commitment_is_the_hash_that_the_format_describes() -> None:
    domain = b"countersign.dev/sealing/v1/commitment"
    derived = hmac.new(KEY, domain, hashlib.sha256).digest()
    assert sealing.commitment(KEY) == hashlib.sha256(domain + b"\0" + derived).hexdigest()


@few
@given(keys, places, st.text(max_size=100), nonces)
def test_what_was_sealed_opens_in_its_place(key: bytes, place: Place, text: str, nonce: bytes) -> None:
    assert sealing.unseal(key, sealing.seal(key, "k", place, text, nonce), place) == text


@few
@given(keys, keys, places, st.text(max_size=40), nonces)
def test_another_key_is_refused_before_anything_is_opened(
    key: bytes, other: bytes, place: Place, text: str, nonce: bytes
) -> None:
    if key == other:
        return
    with pytest.raises(ManifestError) as error:
        sealing.unseal(other, sealing.seal(key, "k", place, text, nonce), place)
    assert code(error) == "sealing.key_differs"


@few
@given(places, places, st.text(max_size=40))
def test_a_box_that_was_moved_is_refused(here: Place, there: Place, text: str) -> None:
    if here == there:
        return
    moved = msgspec.structs.replace(sealing.seal(KEY, "k", here, text, NONCE), field=there.field)
    with pytest.raises(ManifestError) as error:
        sealing.unseal(KEY, moved, there)
    assert code(error) == "sealing.altered"


@few
@given(st.integers(min_value=0), st.integers(1, 255))
def test_any_altered_byte_of_a_box_is_refused(place: int, change: int) -> None:
    sealed = sealing.seal(KEY, "k", PLACE, "octocat", NONCE)
    box = bytearray(strict_base64.decode(sealed.box, "box"))
    box[place % len(box)] ^= change
    with pytest.raises(ManifestError) as error:
        sealing.unseal(KEY, msgspec.structs.replace(sealed, box=strict_base64.encode(bytes(box))), PLACE)
    assert code(error) == "sealing.altered"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"commitment": "0" * 64}, "sealing.key_differs"),
        ({"key": "k2"}, "sealing.altered"),
        ({"field": "name"}, "sealing.altered"),
        ({"box": ""}, "sealing.altered"),
        ({"box": strict_base64.encode(bytes(27))}, "sealing.altered"),
        ({"box": "?"}, "base64.malformed"),
    ],
)
def test_altered_fields_are_refused(change: dict[str, str], expected: str) -> None:
    sealed = sealing.seal(KEY, "k1", PLACE, "octocat", NONCE)
    with pytest.raises(ManifestError) as error:
        sealing.unseal(KEY, msgspec.structs.replace(sealed, **change), PLACE)
    assert code(error) == expected


def test_a_key_that_opens_but_was_not_committed_to_is_refused() -> None:
    """The case that GCM alone does not catch: the box opens, but the commitment is another key's."""
    other = bytes(32)
    sealed = msgspec.structs.replace(
        sealing.seal(KEY, "k1", PLACE, "octocat", NONCE), commitment=sealing.commitment(other)
    )
    for key in (KEY, other):
        with pytest.raises(ManifestError):
            sealing.unseal(key, sealed, PLACE)


@few
@given(st.text(max_size=PAD_TO - 1).filter(lambda text: len(text.encode()) < PAD_TO))
def test_the_length_of_a_box_does_not_tell_short_texts_apart(text: str) -> None:
    sealed = sealing.seal(KEY, "k", PLACE, text, NONCE)
    assert len(sealed.box) == len(sealing.seal(KEY, "k", PLACE, "", NONCE).box)


@few
@given(st.lists(st.text(max_size=5), max_size=5), st.lists(st.text(max_size=5), max_size=5))
def test_no_two_contexts_are_the_same_bytes(one: list[str], other: list[str]) -> None:
    assert (sealing.context(*one) == sealing.context(*other)) == (one == other)


def test_the_key_that_encrypts_is_not_the_one_that_commits() -> None:
    """AES-256-GCM of the specification's test case 14 (McGrew, Viega 2004), under our derivation."""
    derived = hmac.new(KEY, b"countersign.dev/sealing/v1/encryption", hashlib.sha256).digest()
    known = AESGCM(bytes(32)).encrypt(bytes(12), bytes(16), None).hex()
    assert known == "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
    box = sealing.encrypt(KEY, b"context", b"data", NONCE)
    assert box == NONCE + AESGCM(derived).encrypt(NONCE, b"data", b"context")


@pytest.mark.parametrize(("key", "nonce"), [(b"short", NONCE), (KEY, b"short")])
def test_keys_and_nonces_of_another_size_are_refused(key: bytes, nonce: bytes) -> None:
    with pytest.raises(ValueError, match="expected a key of 32 bytes"):
        sealing.encrypt(key, b"", b"", nonce)
