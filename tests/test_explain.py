"""`ebbtide explain`: why something was decided, in sentences with figures, and what came of it."""

import json
from collections.abc import Callable

import pytest
from command_line import NOWHERE, Ebbtide, put_in_place_of_kafka
from msgspec.structs import replace
from recorded import (
    EVENING,
    MORNING,
    NIGHTLY,
    FakeReader,
    FakeRows,
    History,
    Louder,
    Offer,
    agrees,
    answers,
    many,
    on_topic,
    orders,
    put_in_place,
    ticks,
    views,
)

from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from schemas.instant import DAY, HOUR, MINUTE
from state.customer import Deliveries
from streams.commands import explaining

NOBODY = Holdout(share=0, over_all=0)


def told(history: History, number: int) -> str:
    """The sentences about the so-manieth decision, a line each, with their heading."""
    them = explaining.explain(
        history.decided[number], history.decided, history.row, history.shop.clock_at
    ).sentences
    return "\n".join(f"{about}: {it}" for about, lines in them.items() for it in lines)


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> History:
    """An offer that was put off in the evening, sent in the morning, and answered."""
    history = History(
        NIGHTLY, agrees(), *ticks(EVENING - HOUR, EVENING), views(1, EVENING),
        *ticks(EVENING + HOUR, EVENING + 12 * HOUR), *answers(EVENING + 13 * HOUR),
        orders(1, EVENING + 15 * HOUR),
    )  # fmt: skip
    put_in_place_of_kafka(monkeypatch)
    put_in_place(monkeypatch, history)
    return history


# Sentences ---------------------------------------------------------------------------------------


def test_one_that_was_sent_is_told_with_its_reason_its_figures_and_what_came_back(
    night: History,
) -> None:
    deferred, sent = night.decided
    assert (deferred.outcome, sent.outcome) == ("deferred", "sent")
    assert told(night, 1).splitlines() == [
        "what: The offer about ann was sent at 2026-01-21 09:00:00 UTC, by email.",
        "what: It says: value 5.00 EUR.",
        "why: The agent offer wanted it: page viewed.",
        "why: It follows from the event view-1 of 2026-01-20 22:00:00 UTC.",
        "why: Seen: quiet 44.2 days (held against at least 7 days).",
        "gate: The gate let it pass.",
        "channel: email: agreed to (marketing, since 2026-01-20 07:00:00 UTC); working, and the best answered of those with room for one more.",
        (
            "before: 2026-01-20 22:00:00 UTC: deferred. It is quiet where the customer is (UTC); it may"
            " leave at 2026-01-21 08:00:00 UTC."
        ),
        "came back: Of all messages by email: sent 1, opened 1, clicked 0, bounced 0.",
        (
            "came back: In all campaigns together they are among those who are told, since"
            " 2026-01-21 09:00:00 UTC; the customer has visited since: 1 order, 12.50 EUR."
        ),
        (
            "came back: In the campaign offer they are among those who are told, since"
            " 2026-01-21 09:00:00 UTC; the customer has visited since: 1 order, 12.50 EUR."
        ),
    ]


def test_one_that_was_put_off_is_told_with_what_became_of_it(night: History) -> None:
    assert told(night, 0).splitlines()[4:] == [
        "why: Seen: quiet 44.2 days (held against at least 7 days).",
        "gate: It is quiet where the customer is (UTC); it may leave at 2026-01-21 08:00:00 UTC.",
        "channel: email: agreed to (marketing, since 2026-01-20 07:00:00 UTC); working, and the best answered of those with room for one more.",
        "later: 2026-01-21 09:00:00 UTC: sent by email. Page viewed.",
        *told(night, 1).splitlines()[-3:],
    ]
    assert "why: The agent offer wanted it: page viewed." in told(night, 0)


def test_one_that_still_waits_says_until_when() -> None:
    history = History(NIGHTLY, agrees(), *ticks(EVENING - HOUR, EVENING), views(1, EVENING))
    assert "later: It waits until 2026-01-21 08:00:00 UTC." in told(history, 0)
    # The record has the gate's reason; the agent's is taken from what waits.
    assert "why: The agent offer wanted it: page viewed." in told(history, 0)


def test_what_became_of_it_may_be_a_refusal() -> None:
    withdrawn = replace(agrees(EVENING + MINUTE), event_id="no", granted=False)
    history = History(
        NIGHTLY, agrees(), *ticks(EVENING - HOUR, EVENING), views(1, EVENING), withdrawn
    )
    later = "2026-01-20 22:01:00 UTC: suppressed. The customer has not agreed to marketing"
    assert f"later: {later} on any channel." in told(history, 0)
    assert "what: The offer about ann was refused at 2026-01-20 22:01:00 UTC." in told(history, 1)
    assert "channel: " not in told(history, 1)


def test_those_that_left_together_name_each_other() -> None:
    gate = Gate(at_once="merge", holdout=NOBODY)
    history = History(gate, agrees(), views(1, MORNING), agents=[Offer(), Louder()])
    louder, offer = history.decided
    assert f"together: With it left the offer {offer.id}: page viewed; value 5.00 EUR." in told(
        history, 0
    )
    assert f"what: It left in the louder {louder.id}." in told(history, 1)
    assert "gate: It left together with louder, which goes first." in told(history, 1)


def test_one_who_is_held_out_is_shown_as_such() -> None:
    gate = Gate(holdout=Holdout(share=0.5, over_all=0.5, key="d"))
    history = History(gate, agrees(), views(1, MORNING), orders(1, MORNING + HOUR))
    assert history.decided[0].outcome == "held_out"
    text = told(history, 0)
    assert "was not sent, because they are held out, at" in text
    assert "gate: They are among the 50 % who get nothing from any campaign" in text
    assert "In all campaigns together they are held out, since" in text
    assert "1 order, 12.50 EUR." in text


def test_one_for_the_shops_own_people_has_no_channel() -> None:
    history = History(Gate(), views(1, MORNING), agents=[Offer(purpose="internal")])
    assert "channel: None: it is not for the customer, but for the shop's own people." in told(
        history, 0
    )


def test_a_timer_and_another_trigger_are_told_apart_from_events() -> None:
    (sent,) = History(Gate(holdout=NOBODY), agrees(), views(1, MORNING)).decided
    evidence = replace(sent.evidence, events=("a" * 32, "e-7"))
    due = replace(sent, cause=f"offer/again@{MORNING}", evidence=evidence)
    lines = explaining.explain(due, [due], None, 0).sentences["why"]
    assert lines[1] == "It had set a timer, which was due at 2026-01-20 08:00:00 UTC."
    assert lines[2] == f"It rests on the trigger {'a' * 32} and the event e-7."


def test_without_a_row_nothing_is_claimed_of_what_came_back(night: History) -> None:
    it = explaining.explain(night.decided[1], night.decided, None, 0)
    assert it.came_back is None
    assert it.sentences["came back"] == [
        "No row of the customer was read, so nothing is known of that."
    ]


@pytest.mark.parametrize(
    ("reported", "line"),
    [
        (
            Deliveries(2, 1, EVENING + DAY, "crm", "failed"),
            (
                "The last report of the webhook for this customer, at 2026-01-21 22:00:00 UTC: not"
                " delivered to crm (failed).\ncame back: Of which trigger is not kept; of all 2 were"
                " delivered and 1 not."
            ),
        ),
        (
            Deliveries(3, 0, EVENING + DAY, "crm"),
            "22:00:00 UTC: delivered to crm.\n",
        ),
        (
            Deliveries(1, 0, EVENING, "crm"),
            "It stands on its topic; the webhook has reported nothing of the customer since.",
        ),
    ],
    ids=["failed", "delivered", "before"],
)
def test_the_last_report_of_the_webhook_is_told_for_what_it_is(
    night: History, reported: Deliveries, line: str
) -> None:
    assert night.row is not None
    night.row.deliveries = reported
    assert line in told(night, 1)
    # What was put off has not left, so no report can be about it.
    assert "webhook" not in told(night, 0)


def test_a_reason_that_no_record_has_is_not_made_up() -> None:
    text = told(History(Gate(holdout=NOBODY), views(1, MORNING)), 0)
    assert (
        "why: The agent offer wanted it; its own reason is not kept, as the gate's stands there."
    ) in text
    assert "why: Seen: quiet 44.2 days" in text


# The command -------------------------------------------------------------------------------------


def test_the_command_tells_people_in_sentences_and_programs_in_json(
    night: History, ebbtide: Ebbtide
) -> None:
    deferred, sent = night.decided
    code, text, complained = ebbtide("explain", sent.id)
    assert (code, complained) == (0, "")
    assert text.startswith(f"{sent.id}\ndecisions, partition 2\n")
    assert "The offer about ann was sent at 2026-01-21 09:00:00 UTC, by email." in text

    code, as_json, _ = ebbtide("explain", sent.id[:8].upper(), "--json")
    answer = json.loads(as_json)
    assert (code, as_json.count("\n")) == (0, 1)
    assert sorted(answer) == ["came_back", "decision", "left_in", "records", "sentences"]
    assert answer["decision"]["id"] == sent.id
    assert [it["id"] for it in answer["records"]] == [deferred.id, sent.id]
    assert [it["campaign"] for it in answer["came_back"]["effect"]] == ["*", "offer"]
    assert answer["came_back"]["effect"][1]["money"] == {"EUR": 1_250}
    assert answer["came_back"]["responses"]["email"]["responded_at"] == "2026-01-21T12:00:00.000Z"


def test_after_it_is_found_only_the_customers_partition_is_read(
    night: History, ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = on_topic([*many(40), *night.decided])
    monkeypatch.setattr(FakeReader, "records", records)
    assert ebbtide("explain", night.decided[0].id)[0] == 0
    place = next(at for at, it in enumerate(records) if night.decided[0].id.encode() in it.value())
    of_ann = [it.partition() for it in records].count(2)
    assert FakeReader.read == [it.partition() for it in records[: place + 1]] + [2] * of_ann


@pytest.mark.parametrize(
    ("typed", "code", "complaint"),
    [
        ("cafe", 2, "'cafe' is not the id of a decision: 32 digits from 0 to f"),
        ("not-a-hex-number", 2, "'not-a-hex-number' is not the id of a decision"),
        ("c" * 33, 2, "is not the id of a decision"),
        ("c" * 32, 1, "the oldest there is of 2026-01-20T08:00:00.000Z. It is older and was let go"),
    ],
)  # fmt: skip
def test_what_cannot_be_found_is_one_line_with_what_to_do(
    night: History, ebbtide: Ebbtide, typed: str, code: int, complaint: str
) -> None:
    failed, text, complained = ebbtide("explain", typed)
    assert (failed, text, complained.count("\n")) == (code, "", 1)
    assert complaint in complained


def test_an_empty_topic_says_so(
    night: History, ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeReader, "records", [])
    code, _, complained = ebbtide("explain", "c" * 32)
    assert (code, complained.partition(" at ")[0]) == (1, "ebbtide: decisions")
    assert "is empty: nothing was decided yet" in complained


@pytest.mark.parametrize("lost", [True, False], ids=["redis away", "row damaged"])
def test_without_a_row_the_rest_is_told_with_a_warning(
    night: History, ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch, lost: bool,
    real_rows: Callable[[], None],
) -> None:  # fmt: skip
    if lost:
        real_rows()
    monkeypatch.setattr(FakeRows, "row", b"\xc1")
    code, text, complained = ebbtide(
        "explain", night.decided[1].id, "--json", "--redis-url", f"redis://{NOWHERE}/0"
    )
    assert (code, complained.count("\n")) == (0, 1)
    assert complained.startswith("Without the row: " + ("Redis: " if lost else "the row of 'ann'"))
    assert json.loads(text)["came_back"] is None


@pytest.fixture
def real_rows(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    from state.redis_table import RedisTable
    from streams.customer import row as customer_row

    return lambda: monkeypatch.setattr(customer_row, "RedisTable", RedisTable)


def test_a_record_says_how_often_the_same_was_refused_before() -> None:
    views_at = [views(it, MORNING + it * MINUTE) for it in range(4)]
    history = History(
        Gate(holdout=NOBODY), *views_at, agrees(MORNING + HOUR), views(9, MORNING + DAY)
    )
    refused, sent = history.decided
    assert (refused.reason, sent.refused_before) == ("no_consent", 3)
    assert "gate: Before that it refused 3 more of this kind." in told(history, 1)
