"""How is something made unreadable for whoever has not got the key? AES-256-GCM, twice.

What is personal in an event is encrypted with a key of its customer's, and that key with the master
key of the installation. What is encrypted is bound to where it belongs: to customer and event, or
to customer and key. So nothing can be moved to another place and read there.

Source: NIST SP 800-38D. A nonce is 96 random bits; a key seals far fewer than the 2^32 events up to
which that is safe.
"""

import os
from base64 import b64decode, b64encode, urlsafe_b64encode
from binascii import Error as NoBase64
from collections import OrderedDict
from hmac import digest

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from schemas.event import Event
from schemas.journal import KEY_ID_LENGTH
from state.redis_keys import Kept

_KEY_BYTES = 32
_NONCE_BYTES = 12
_CACHED_MAX = 10_000


class PrivacyError(Exception):
    """The master key is missing, or it is another one. No repetition cures that."""


class Damaged(Exception):
    """What was sealed has been changed since, or was never sealed with this key."""


class Key(Struct, frozen=True):
    """A customer's key, ready for use."""

    id: str
    cipher: AESGCM


class Cipher:
    """Encrypts and decrypts. secret: any long random text, the master key is derived from it."""

    def __init__(self, secret: str) -> None:
        self._master = AESGCM(digest(b"ebbtide: keys of customers", secret.encode(), "sha256"))
        self._cached: OrderedDict[bytes, Key] = OrderedDict()

    def new_key(self, customer_id: str) -> tuple[Key, Kept]:
        """A key for a customer: to be used, and to be kept."""
        key_id = urlsafe_b64encode(os.urandom(6)).decode()
        secret, nonce = os.urandom(_KEY_BYTES), os.urandom(_NONCE_BYTES)
        place = _place(customer_id, key_id)
        kept = Kept(key_id, nonce + self._master.encrypt(nonce, secret, place))
        return self._cache(kept.wrapped, Key(key_id, AESGCM(secret))), kept

    def unwrap(self, customer_id: str, key_id: str, wrapped: bytes) -> Key:
        """A key that is kept. Raises PrivacyError where the master key does not fit.

        Whether it still may be used is not asked here: that is up to where it is kept.
        """
        key = self._cached.get(wrapped)
        if key is not None:
            self._cached.move_to_end(wrapped)
            return key
        nonce, content = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        try:
            secret = self._master.decrypt(nonce, content, _place(customer_id, key_id))
        except (InvalidTag, ValueError) as error:
            raise PrivacyError(
                f"the key {key_id} of {customer_id!r} cannot be read: EBBTIDE_PRIVACY_KEY is not"
                " the one that it was made under. Set that one again"
            ) from error
        return self._cache(wrapped, Key(key_id, AESGCM(secret)))

    def forget(self, wrapped: bytes) -> None:
        """Do not remember a key any more."""
        self._cached.pop(wrapped, None)

    def _cache(self, wrapped: bytes, key: Key) -> Key:
        self._cached[wrapped] = key
        if len(self._cached) > _CACHED_MAX:
            self._cached.popitem(last=False)
        return key


def seal(key: Key, event: Event, content: bytes) -> str:
    """Encrypt what is personal in an event, as ``Entry.sealed``."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = nonce + key.cipher.encrypt(nonce, content, _place(event.subject, event.event_id))
    return key.id + b64encode(sealed).decode()


def unseal(key: Key, event: Event, sealed: str) -> bytes:
    """What ``seal`` encrypted. Raises Damaged."""
    try:
        content = b64decode(sealed[KEY_ID_LENGTH:], validate=True)
        place = _place(event.subject, event.event_id)
        return key.cipher.decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], place)
    except (InvalidTag, ValueError, NoBase64) as error:
        raise Damaged(f"{event.event_id}: it was not sealed like this") from error


def _place(owner: str, name: str) -> bytes:
    """Where something belongs. Lengths, so that no two places read alike."""
    return b"%d:%s%s" % (len(owner), owner.encode(), name.encode())
