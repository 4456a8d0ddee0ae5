"""Why has this customer not got that? `ebbtide why-not`."""

from typing import Annotated

from cyclopts import Parameter

from streams.commands.options import AsJson, Broker, Config, CustomerId, RedisUrl


def why_not(
    customer_id: CustomerId,
    kind: Annotated[str, Parameter(name="KIND", help="The kind of trigger, as `churn_alert`.")],
    /,
    *,
    broker: Broker = None,
    redis_url: RedisUrl = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Say why a customer has not got a trigger of some kind.

    Whether the agent is on and when it looks again; the last decisions, with
    the rule that stopped them and its figures; how often it was refused
    since; what waits and until when; and what the gate would say to one at
    this moment of the partition's clock.

    Give it the engine.toml and the secrets that the workers have: the gate is
    asked under these, and a holdout is drawn by a secret. Those of `ebbtide
    up` are EBBTIDE_COUPON_KEY_FILE=.ebbtide/coupon.key

    For example

        ebbtide why-not ann win_back_coupon
        ebbtide why-not ann churn_alert --json

    Exit codes: 0 told; 1 the customer is not known, or Kafka or Redis is
    away; 2 there is no such kind, or engine.toml is wrong.

    Settings: EBBTIDE_BROKER, EBBTIDE_REDIS_URL, EBBTIDE_CONFIG,
    EBBTIDE_COUPON_KEY, EBBTIDE_HOLDOUT_KEY.
    """
    import asyncio

    from agents.roster import known_agents
    from schemas.cloud_event import DECISIONS
    from state.customer import decode_customer
    from streams.bootstrap import load_policy
    from streams.commands import decided, kafka, terminal
    from streams.commands.silence import Who, silence
    from streams.connection import brokers_of, redis_url_of
    from streams.customer import row as customer_row
    from streams.partitioner import partition_of
    from streams.topics import JOURNAL

    terminal.require_text(customer_id)
    settings = terminal.settings_from(broker=broker, redis_url=redis_url, config=config)
    policy = load_policy(settings)
    sayers = {it: agent() for agent in known_agents().values() for it in agent.says}
    sayers |= {it: agent for agent in policy.agents for it in agent.says}
    if kind not in sayers:
        raise terminal.UsageError(f"no agent says {kind!r}; there are {', '.join(sorted(sayers))}")
    who = Who(customer_id, kind, sayers[kind], kind in policy.kinds())
    brokers, redis = brokers_of(settings), redis_url_of(settings)
    there = kafka.reach(brokers).require([JOURNAL, DECISIONS])
    kept = asyncio.run(customer_row.read(redis, there[JOURNAL], customer_id))
    row = None if kept.row is None else decode_customer(customer_id, kept.row)
    with kafka.Reader(brokers) as reader:
        about = decided.of_customer(
            reader, partition_of(customer_id, there[DECISIONS]), customer_id
        )
    if row is None and not about:
        raise terminal.CommandError(customer_row.unknown(customer_id))
    told = silence(who, about, row, kept.shop, policy.gate, there[JOURNAL])
    if as_json:
        terminal.say_json(told)
        return
    terminal.out.print(f"Why no {kind} for {customer_id}?\n", style="bold")
    terminal.say_sections(told.sentences)
