"""Is the configuration right? Read as a worker would read it, and told without its secrets."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from streams.amounts import plural
from streams.commands.options import AsJson, Config

if TYPE_CHECKING:
    from config.settings import Settings
    from streams.bootstrap import Policy
    from streams.reviews.door import TextReader
    from streams.webhooks.targets import Addressed


def check(*, config: Config = None, as_json: AsJson = False) -> None:
    """Check the settings and engine.toml, as a worker would at its start.

    Where EBBTIDE_WEBHOOKS is set, the targets in that file and their keys
    too, as `ebbtide webhooks` would. Says which agents are on and with what
    settings, or what is wrong: in which file, under which key, what was
    found and what is allowed.

    For example

        ebbtide check
        ebbtide check --config shop/engine.toml --json

    Exit codes: 0 all is well, 2 something is wrong.

    Settings: all of EBBTIDE_…, and the files that EBBTIDE_CONFIG and
    EBBTIDE_WEBHOOKS name. Secrets are looked for and never shown.
    """
    import msgspec

    from streams.bootstrap import CODE_KEY, load_policy
    from streams.commands import terminal
    from streams.connection import brokers_of, redis_url_of
    from streams.effect.settings import load_prices
    from streams.reviews.door import open_reader
    from streams.webhooks.targets import load_targets

    settings = terminal.settings_from(config=config)
    policy = load_policy(settings)
    brokers_of(settings)
    redis_url_of(settings)
    agents = {agent.name: msgspec.to_builtins(agent) for agent in policy.agents}
    for section in agents.values():
        section.pop(CODE_KEY, None)
    gate, engine = msgspec.to_builtins(policy.gate), msgspec.to_builtins(policy.settings)
    del gate["holdout"]["key"]
    effect = msgspec.to_builtins(load_prices(settings).effect)
    ops, models = msgspec.to_builtins(policy.ops), msgspec.to_builtins(policy.models)
    addressed = load_targets(settings) if settings.webhooks else []
    silent = _without_an_agent(settings.webhooks, addressed, policy)
    targets = [it.name for it in addressed]
    seals = bool(settings.secret_privacy_key())
    reader = open_reader(settings)
    if as_json:
        answer = {"config": settings.config, "agents": agents, "gate": gate, "engine": engine}
        answer |= {"ops": ops, "models": models, "effect": effect, "kinds": policy.kinds()}
        answer |= {"targets": targets, "seals": seals}
        terminal.say_json(answer | {"review_model": reader.version if reader else None})
        return
    sections = terminal.table("section", "settings")
    shown = {"engine": engine, "gate": gate, "effect": effect, "ops": ops, "models": models}
    for name, section in shown.items():
        sections.add_row(name, _toml(section))
    for name, section in agents.items():
        sections.add_row(f"agents.{name}", _toml(section))
    terminal.out.print(sections)
    agents_on = plural(len(agents), "agent")
    terminal.out.print(f"\n{settings.config} is right: {agents_on} on.", style="green")
    _tell_sealing(seals=seals)
    _tell_reading(settings, reader, policy)
    _tell_targets(settings, targets, silent)


def _tell_reading(settings: "Settings", reader: "TextReader | None", policy: "Policy") -> None:
    from streams.commands import terminal

    if reader is not None:
        right = (
            f"{settings.review_model} is right: version {reader.version} reads customers' texts."
        )
        terminal.out.print(right, style="green")
    elif any(getattr(agent, "negative_chance_min", 0) for agent in policy.agents):
        unread = (
            "An agent has `negative_chance_min`, and no text is read: EBBTIDE_REVIEW_MODEL is not"
            " set (docs/reviews.md)."
        )
        terminal.out.print(unread, style="yellow", soft_wrap=True)


def _tell_targets(
    settings: "Settings", targets: Sequence[str], silent: Sequence[tuple[str, str]]
) -> None:
    from streams.commands import terminal

    if targets:
        right = f"{plural(len(targets), 'target')}: {', '.join(targets)}"
        terminal.out.print(f"{settings.webhooks} is right: {right}.", style="green")
    for name, kind in silent:
        off = f"No agent that is on says {kind}, which targets.{name} waits for."
        terminal.out.print(off, style="yellow", soft_wrap=True)


def _without_an_agent(
    path: str, targets: "Sequence[Addressed]", policy: "Policy"
) -> list[tuple[str, str]]:
    """Targets with a kind that nobody says as things stand. Raises ConfigError: it never can."""
    from agents.roster import known_agents
    from config.settings import ConfigError

    there = {kind for agent in known_agents().values() for kind in agent.says}
    said, silent = policy.kinds(), []
    for it in targets:
        for kind in it.target.kinds:
            if kind not in there:
                raise ConfigError(
                    f"{path}: targets.{it.name}.kinds: found {kind!r}; there are"
                    f" {', '.join(sorted(there))}"
                )
            if kind not in said:
                silent.append((it.name, kind))
    return silent


def _tell_sealing(*, seals: bool) -> None:
    from streams.commands import terminal

    if seals:
        terminal.out.print("What is personal in events is sealed in the journal.", style="green")
        return
    terminal.out.print(
        "What is personal in events stands in the journal as it was published, and an erasure does"
        " not reach it there: set EBBTIDE_PRIVACY_KEY to have it sealed (docs/privacy.md).",
        style="yellow",
    )


def _toml(section: dict[str, Any]) -> str:
    import msgspec

    return "\n".join(
        f"{key} = {msgspec.json.encode(value).decode()}" for key, value in section.items()
    )
