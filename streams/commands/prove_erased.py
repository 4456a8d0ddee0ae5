"""Is nothing left of a customer who was erased? `ebbtide prove-erased`."""

from streams.commands.options import AsJson, Broker, CustomerId, RedisUrl


def prove_erased(
    customer_id: CustomerId,
    /,
    *,
    broker: Broker = None,
    redis_url: RedisUrl = None,
    as_json: AsJson = False,
) -> int:
    """Look for a customer everywhere, and show that nothing personal is left.

    Reads all that Redis holds, the topic of keys, the dead letters, and all
    of the customer's records in the journal, raw topics, triggers and
    decisions. What is personal in the journal is sealed with the customer's
    keys: it counts as gone when no key is left that opens it. What only
    Kafka's retention can remove is counted, and is no failure of the proof;
    a dead letter is.

    For example

        ebbtide prove-erased ann
        ebbtide prove-erased anon:7f3a --json

    It takes as long as it takes to read these topics once. A customer who
    came back after the erasure is found, of course.

    Exit codes: 0 nothing is left, 1 something is, or Kafka or Redis is away.

    Settings: EBBTIDE_BROKER, EBBTIDE_REDIS_URL, and EBBTIDE_PRIVACY_KEY or
    EBBTIDE_PRIVACY_KEY_FILE (a secret), to try the keys that are left.
    """
    import asyncio

    from streams.commands import proof_view, proving, terminal

    terminal.require_text(customer_id)
    settings = terminal.settings_from(broker=broker, redis_url=redis_url)
    proof = asyncio.run(proving.prove(settings, customer_id))
    if as_json:
        terminal.say_json(proof)
    else:
        proof_view.show(proof)
    return 1 if proof.left else 0
