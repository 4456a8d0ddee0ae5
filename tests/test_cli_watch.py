"""`ebbtide watch`: a line for each trigger from which it can be explained, and all of it in JSON."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from recorded import MORNING, History, Louder, Offer, agrees, views

from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from schemas.cloud_event import DECISIONS, Message, messages
from schemas.decisions import Decision
from schemas.instant import MINUTE
from streams.commands import watching
from streams.connection import Brokers

NOBODY = Holdout(share=0, over_all=0)
LATER_AT = 1_768_896_000_001  # A millisecond after 2026-01-20 08:00 UTC.


class Live:
    """A reader of what is on its topics, and then of silence."""

    def __init__(self, *published: Message) -> None:
        self.brokers = Brokers("nowhere")
        self._published = published

    def beginning(self, _: Any) -> list[Any]:
        return []

    def near_the_end(self, _: Any) -> list[Any]:
        return []

    def live(self, _: Any) -> Iterator[Any]:
        yield from map(Live.Record, self._published)

    class Record:
        """As the client gives it."""

        def __init__(self, message: Message) -> None:
            self.topic, self.value = (lambda: message.topic), (lambda: message.value)
            self.headers = lambda: message.headers
            self.timestamp = lambda: (1, LATER_AT)


def shown(capfd: pytest.CaptureFixture[str], *published: Message, as_json: bool) -> str:
    reader: Any = Live(*published)
    seen = watching.said(reader, [], from_start=True, seconds=0)
    watching.show(seen, (), limit=0, as_json=as_json)
    return capfd.readouterr().out


@pytest.fixture
def together() -> Decision:
    """An offer that takes another one with it, after a refusal that was repeated."""
    gate = Gate(at_once="merge", holdout=NOBODY)
    refused = [views(it, MORNING + it * MINUTE) for it in range(3)]
    history = History(
        gate, *refused, agrees(MORNING + 5 * MINUTE), views(9, MORNING + 9 * MINUTE),
        agents=[Offer(), Louder()],
    )  # fmt: skip
    return next(it for it in history.decided if it.outcome == "sent")


def test_a_line_begins_its_id_as_explain_takes_it_and_says_the_channel(
    capfd: pytest.CaptureFixture[str], together: Decision
) -> None:
    trigger, record = messages(together)
    told = f"2026-01-20T08:09:00Z  {together.id[:8]}  louder                  ann  "
    assert shown(capfd, trigger, as_json=False) == (f"{told}page_viewed by email  value 5.00 EUR\n")
    assert shown(capfd, record, as_json=False) == (
        f"{told}sent page_viewed by email  value 5.00 EUR\n"
    )


def test_what_comes_once_it_is_said_that_we_watch_is_shown(
    monkeypatch: pytest.MonkeyPatch, together: Decision
) -> None:
    trigger, _ = messages(together)
    reader: Any = Live(trigger)
    clock = SimpleNamespace(time=lambda: (LATER_AT - 1) / 1000, monotonic=lambda: 0.0)
    monkeypatch.setattr(watching, "time", clock)
    seen = watching.said(reader, [], from_start=False, seconds=0)
    # The command says so, and does nothing for a while.
    clock.time = lambda: (LATER_AT + 5_000) / 1000
    assert [it.id for it in seen] == [together.id]
    assert list(watching.said(reader, [], from_start=False, seconds=0)) == []


def test_in_json_nothing_of_a_trigger_or_of_a_decision_is_left_out(
    capfd: pytest.CaptureFixture[str], together: Decision
) -> None:
    trigger, record = messages(together)
    assert (trigger.topic, record.topic) == ("triggers.louder", DECISIONS)
    said = json.loads(shown(capfd, trigger, as_json=True))
    assert (said["channel"], said["campaign"]) == ("email", "louder")
    assert [it["kind"] for it in said["merged"]] == ["offer"]
    decided = json.loads(shown(capfd, record, as_json=True))
    assert decided.items() > said.items()
    assert (decided["refused_before"], decided["gate"]) == (2, {})
    # The moment and the cause have the names here that they have in the envelope.
    renamed = {"cause", "cause_at", "decided_at"}
    assert set(msgspec.structs.asdict(together)) - renamed <= set(decided)


def test_what_was_refused_says_what_the_gate_saw(capfd: pytest.CaptureFixture[str]) -> None:
    history = History(Gate(holdout=NOBODY), views(1, MORNING))
    (record,) = messages(history.decided[0])
    decided = json.loads(shown(capfd, record, as_json=True))
    assert (decided["channel"], decided["gate"]) == ("", {"purpose": "marketing"})
