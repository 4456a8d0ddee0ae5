"""How are models shown to a person? A table of their versions, and one with all that is in it."""

import asyncio

import msgspec

from config.settings import Settings, load_engine_file
from schemas.journal import ModelEntry
from streams.amounts import plural
from streams.commands import kafka, terminal
from streams.connection import brokers_of, redis_url_of
from streams.learning.settings import ModelSettings
from streams.learning.standing import Standing, Versions, keep_again, learning_agents, look_up
from streams.learning.trainer import appended
from streams.topics import JOURNAL

#: What is said where nobody learns.
NOBODY = "No agent that is on in engine.toml decides by a model."
NOT_HELD = (
    "The next training takes its place: to stay with it, name the agent under `held` in the section"
    " [models] of engine.toml."
)


def ask(settings: Settings, agent: str = "") -> list[Versions]:
    """The models of all agents that learn, or of one. Raises CommandError where it is none."""
    learning = learning_agents(settings)
    names = [it.name for it in learning]
    if agent and agent not in names:
        there = f"there are {', '.join(names)}" if names else "none does"
        raise terminal.CommandError(f"no agent {agent!r} that is on decides by a model; {there}")
    asked = [it for it in learning if agent in ("", it.name)]
    return asyncio.run(look_up(redis_url_of(settings), _partitions(settings), asked))


def one(found: list[Versions], version: str | None) -> tuple[Standing, bytes]:
    """A model of the one agent asked about, with its body. Raises CommandError."""
    [versions] = found
    for it in versions.newest_first:
        standing = versions.standing(it)
        if it.version == version or (version is None and standing.in_effect):
            return standing, bytes(it.model)
    wanted = "no model is in effect" if version is None else f"there is no version {version!r}"
    there = ", ".join(it.version for it in versions.newest_first) or "none"
    raise terminal.CommandError(f"{versions.agent.name}: {wanted}; there are: {there}")


def use(settings: Settings, agent: str, version: str) -> tuple[ModelEntry, int]:
    """Append an older model to the journal; and in how many partitions. Raises CommandError."""
    found = ask(settings, agent)
    _, body = one(found, version)
    [versions] = found
    if not versions.can_read(body):
        raise terminal.CommandError(
            f"{agent}: {version} is a model of another type than the agent of this Ebbtide reads"
        )
    entry = versions.again(body)
    asyncio.run(_append(settings, entry, len(versions.deciding)))
    return entry, len(versions.deciding)


def waiting(settings: Settings, found: list[Versions]) -> str:
    """What is said of the agents that have no model yet; nothing where all have one."""
    if not found:
        return NOBODY
    names = [it.agent.name for it in found if not it.newest_first]
    if not names:
        return ""
    hours = load_engine_file(settings.config).models.get("every_hours", ModelSettings().every_hours)
    when = (
        f"One is tried every {hours:g} hours of the log, and made when there is enough to"
        " learn from."
        if hours
        else "None is made, for `every_hours` in the section [models] of engine.toml is 0."
    )
    return f"No model yet: {', '.join(names)}. {when} docs/operate.md says how much that is."


def is_held(settings: Settings, agent: str) -> bool:
    """Whether the agent stays with the model that it has."""
    return agent in load_engine_file(settings.config).models.get("held", ())


def show_list(standings: list[Standing]) -> None:
    """Print a line for each."""
    shown = terminal.table(
        "agent", "version", "made at", "in effect", "size", "fitted from",
        right=("in effect", "size"),
    )  # fmt: skip
    for it in standings:
        shown.add_row(
            it.agent, it.version, it.made_at, _in_effect(it), f"{it.bytes:,} B", _fitted_from(it)
        )
    terminal.out.print(shown)


def show_one(it: Standing, body: bytes) -> None:
    """Print what is known of it, and under that the model."""
    sections = {
        "agent": [it.agent],
        "version": [it.version],
        "made at": [it.made_at],
        "in effect": [f"in {_in_effect(it)} partitions"],
        "size": [f"{it.bytes:,} B"],
        "fitted from": [_fitted_from(it)],
    }
    terminal.say_sections(sections)
    terminal.out.print()
    terminal.out.print(msgspec.json.format(body, indent=2).decode(), soft_wrap=True)


def _in_effect(it: Standing) -> str:
    return f"{it.in_effect} of {it.partitions}" if it.in_effect else "-"


def _fitted_from(it: Standing) -> str:
    if it.by == "use":
        return "an older one"
    if not it.by:
        return "not known any more"
    return f"{plural(it.ledgers, 'ledger')}, {it.ledger_bytes:,} B"


def _partitions(settings: Settings) -> int:
    return kafka.reach(brokers_of(settings)).require([JOURNAL])[JOURNAL]


async def _append(settings: Settings, entry: ModelEntry, partitions: int) -> None:
    await keep_again(redis_url_of(settings), entry)
    async with kafka.Sender(brokers_of(settings)) as sender:
        await sender.send(appended(entry, partitions))
