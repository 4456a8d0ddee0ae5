"""Which channel? One that the customer has agreed to and that works, best the one they answer on.

A channel is away from the moment at which a message on it bounced for good, or at which the
customer left it, until they agree to it anew. Whoever opens a message can be reached again, too.
"""

from collections.abc import Sequence

from state.consent import granted_at, open_channels
from state.customer import Customer, Responses

# A channel on which nothing was sent counts as if one message in five were answered: about what
# mailings reach. The weight is that of five messages, so ten of their own say more.
PRIOR_ANSWERED, PRIOR_SENT = 1, 5

_UNKNOWN = Responses()


def usable(
    row: Customer, purpose: str, *, assumed: bool, order: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The channels agreed to, and those of them that work, the best first.

    order: the channels that come into question; of those that are answered equally often, the
    first one here comes first.
    """
    is_open = open_channels(row.consent, purpose, assumed=assumed)
    agreed = [it for it in order if it in is_open]
    if not row.responses:
        return agreed, agreed  # As for most: nothing is known that could change the order.
    works = [it for it in agreed if not is_away(row, purpose, it)]
    works.sort(key=lambda it: -answer_rate(row.responses.get(it, _UNKNOWN)))
    return agreed, works


def answer_rate(responses: Responses) -> float:
    """How probably a message on the channel is opened or followed.

    The mean of a beta distribution over the share of answered messages, with the prior above.

    >>> answer_rate(Responses()), answer_rate(Responses(sent=5, opened=3, clicked=1))
    (0.2, 0.4)
    """
    answered = min(max(responses.opened, responses.clicked), responses.sent)
    return (answered + PRIOR_ANSWERED) / (responses.sent + PRIOR_SENT)


def is_away(row: Customer, purpose: str, channel: str) -> bool:
    """Whether the channel does not reach the customer, until they agree to it anew."""
    responses = row.responses.get(channel)
    if responses is None:
        return False
    bounced_at = responses.bounced_at
    away_at = bounced_at if bounced_at > responses.responded_at else 0
    if purpose != "service" and responses.unsubscribed:
        # A row from before the moment was kept has none, and any later word is after it.
        away_at = max(away_at, responses.unsubscribed_at, 1)
    return away_at > 0 and granted_at(row.consent, purpose, channel) <= away_at
