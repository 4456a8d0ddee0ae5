"""What has the customer agreed to? Their last word for each purpose and channel, by event time.

The law: the word that was given last counts, whatever the order of arrival. A consent that comes
late does not undo the withdrawal that came after it.
"""

from typing import get_args

from schemas.profiles import Channel, Purpose

#: By purpose, then channel or ``*`` for all: when the last word came, negative for a withdrawal.
Consent = dict[str, dict[str, int]]

ALL_CHANNELS = "*"
_CHANNELS = get_args(Channel)


def hear(
    consent: Consent, purpose: Purpose, channel: Channel | None, granted: bool, at: int
) -> None:
    """Take in what was said at a moment; without a channel it was said of all of them.

    >>> consent: Consent = {}
    >>> hear(consent, "marketing", None, True, 1)
    >>> hear(consent, "marketing", "sms", False, 2)
    >>> open_channels(consent, "marketing", assumed=False)
    ['email', 'push', 'in_app', 'web', 'phone', 'post']
    """
    said = consent.setdefault(purpose, {})
    name = channel or ALL_CHANNELS
    before = abs(said.get(name, 0))
    # Of two words at the same moment the withdrawal counts: which came first cannot be known.
    if at > before or (at == before and not granted):
        said[name] = at if granted else -at


def open_channels(consent: Consent, purpose: str, *, assumed: bool) -> list[str]:
    """The channels that the customer has agreed to.

    assumed: whether a channel about which nothing was ever said counts as agreed to.
    """
    said = consent.get(purpose)
    if not said:
        return list(_CHANNELS) if assumed else []
    least = 0 if assumed else 1
    return [it for it in _CHANNELS if _last_word(said, it) >= least]


def granted_at(consent: Consent, purpose: str, channel: str) -> int:
    """When the customer last agreed to a channel; 0 where they never did, or have withdrawn it."""
    said = consent.get(purpose)
    return max(0, _last_word(said, channel)) if said else 0


def _last_word(said: dict[str, int], channel: str) -> int:
    # Of two words at the same moment the withdrawal counts, as in ``hear``.
    words = said.get(channel, 0), said.get(ALL_CHANNELS, 0)
    return max(words, key=lambda it: (abs(it), it < 0))
