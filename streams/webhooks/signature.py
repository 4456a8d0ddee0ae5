"""How does a receiver know that a webhook is ours? By an HMAC over its id, time stamp and body.

The scheme is that of Standard Webhooks 1.0, so that receivers find a library for it: a secret is
``whsec_`` and base64, the signature ``v1,`` and base64. While a secret is being replaced there are
two, and two signatures with a space between; a receiver is content with either.
"""

import binascii
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

PREFIX = "whsec_"
# What the specification allows for a secret, decoded.
_KEY_BYTES = range(24, 65)
_KEYS_MAX = 2


def keys_of(secret: str) -> list[bytes]:
    """The keys in a secret: one, or two with a space between. Raises ValueError, and quotes none.

    >>> [len(it) for it in keys_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [24]
    """
    words = secret.split()
    if not 1 <= len(words) <= _KEYS_MAX:
        raise ValueError(f"holds {len(words)} secrets; one is wanted, or two with a space between")
    return [_key(word) for word in words]


def _key(word: str) -> bytes:
    wanted = f"{PREFIX} and the base64 of 24 to 64 bytes"
    try:
        key = b64decode(word.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        said = "the rest is no base64" if word.startswith(PREFIX) else f"it lacks {PREFIX}"
        raise ValueError(f"is not {wanted}: {said}") from error
    if len(key) not in _KEY_BYTES:
        lacks = "" if word.startswith(PREFIX) else f"it lacks {PREFIX}, and "
        raise ValueError(f"is not {wanted}: {lacks}it holds {len(key)}")
    return key


def signed(keys: Sequence[bytes], webhook_id: str, timestamp: int, body: bytes) -> str:
    """The header ``webhook-signature``. timestamp: of this attempt, in Unix seconds."""
    content = b"%s.%d.%s" % (webhook_id.encode(), timestamp, body)
    return " ".join(f"v1,{b64encode(hmac.digest(key, content, 'sha256')).decode()}" for key in keys)
