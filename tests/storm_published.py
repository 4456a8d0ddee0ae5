"""Is everything out that should be, and as often as it should be?"""

from collections import defaultdict

from storm_outcome import Outcome
from storm_world import World

from schemas.cloud_event import DECISIONS, messages, trigger_topic
from schemas.codec import decode_decision
from schemas.decisions import Decision


def check_published(world: World, expected: list[Decision], outcome: Outcome) -> None:
    """Hold the trigger topics and the decisions to what memory decides.

    Where an erasure came before the publication, nothing but the decision's place is out.
    """
    blanked = _blanked(world)
    expected = [it for it in expected if it.id not in blanked]
    sent = [it for it in expected if it.outcome == "sent"]
    outcome.decisions, outcome.triggers = len(expected), len(sent)
    topics = [trigger_topic(kind) for kind in sorted({it.kind for it in expected})]
    for what, names, wanted in (("trigger", topics, sent), ("decision", [DECISIONS], expected)):
        contents: dict[str, list[bytes]] = defaultdict(list)
        for it in wanted:
            [content] = [it.value for it in messages(it) if it.topic in names]
            contents[it.id].append(content)
        out = {it: copies for it, copies in _published(world, names).items() if it not in blanked}
        _check_copies(what, out, contents, world, outcome)


def _check_copies(
    what: str,
    out: dict[str, list[bytes]],
    wanted: dict[str, list[bytes]],
    world: World,
    outcome: Outcome,
) -> None:
    """Beside each other, by id.

    An event that is repeated when its customer's row has forgotten it is decided upon again, under
    the same id: then there is more than one to be published.
    """
    for name in sorted(out.keys() | wanted.keys()):
        copies, contents = sorted(out.get(name, [])), sorted(wanted.get(name, []))
        if set(copies) != set(contents):
            outcome.differences.append(f"{what} {name}: {copies} is out, and should be {contents}")
        elif len(copies) != len(contents):
            outcome.published_twice += len(copies) - len(contents)
            if world.plan.settings.transactions:
                outcome.differences.append(f"{what} {name} was published {len(copies)} times")


def _blanked(world: World) -> set[str]:
    """The ids of decisions that were out, at least once, without what they said."""
    return {
        it
        for it, copies in _published(world, [DECISIONS]).items()
        for copy in copies
        if decode_decision(copy).reason == "erased"
    }


def _published(world: World, topics: list[str]) -> dict[str, list[bytes]]:
    out: dict[str, list[bytes]] = defaultdict(list)
    for tp, log in world.kafka.logs.items():
        if tp.topic in topics:
            for record in log:
                out[dict(record.headers)["ce_id"].decode()].append(record.value or b"")
    return out
