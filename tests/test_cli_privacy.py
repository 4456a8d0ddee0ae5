"""What commands say of privacy: whether events are sealed, and what is left of a customer, where."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from command_line import NOWHERE, Ebbtide
from test_sealing import SECRET, Shop, erasure, profile

from schemas.codec import encode_json
from schemas.decisions import Decision, Outgoing, blank
from schemas.journal import Entry, Source
from state.redis_traces import Trace
from streams.commands import proof_view, proving
from streams.commands.proving import Place, Proof
from streams.privacy.cipher import Cipher
from streams.privacy.key_log import record_of, tombstones


def test_check_says_whether_events_are_sealed(
    ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EBBTIDE_COUPON_KEY", "x")
    _, told, _ = ebbtide("check")
    assert "set EBBTIDE_PRIVACY_KEY to have it sealed" in told.replace("\n", " ")
    assert json.loads(ebbtide("check", "--json")[1])["seals"] is False
    monkeypatch.setenv("EBBTIDE_PRIVACY_KEY", "secret-" * 6)
    _, told, _ = ebbtide("check")
    assert "What is personal in events is sealed" in told
    assert json.loads(ebbtide("check", "--json")[1])["seals"] is True
    assert "secret-" not in told
    monkeypatch.setenv("EBBTIDE_PRIVACY_KEY", "too-short")
    code, _, complained = ebbtide("check")
    assert (code, "32 at least" in complained, "too-short" in complained) == (2, True, False)


class Record:
    """A record of Kafka, as a reader gives it."""

    def __init__(self, name: bytes | None, value: bytes | None, offset: int = 0) -> None:
        self._its = name, value, offset

    def key(self) -> bytes | None:
        return self._its[0]

    def value(self) -> bytes | None:
        return self._its[1]

    def offset(self) -> int:
        return self._its[2]


def journal_of(shop: Shop) -> list[Any]:
    return [
        Record(it.event.subject.encode(), encode_json(it), offset)
        for offset, it in enumerate(shop.journal)
        if isinstance(it, Entry)
    ]


def opening(shop: Shop) -> dict[str, bytes]:
    return {it.key_id: it.wrapped for it in shop.topic.said().values() if it.wrapped is not None}


def looked_at(
    records: list[Any], keys: dict[str, bytes], secret: str = SECRET, position: int = 99
) -> tuple[Proof, dict[str, int]]:
    proof = Proof("ann", 0)
    cipher = Cipher(secret) if secret else None
    places = proving._Journal(proof, keys, cipher, position).places(records)
    return proof, {it.name.partition(": ")[2]: it.count for it in places}


SEALED, CLEAR = "sealed fields that can be opened", "personal fields in clear"


def test_what_is_sealed_counts_as_left_while_a_key_opens_it() -> None:
    shop = Shop()
    shop.carry(profile(1, a="1"), profile(2, b="2"), profile(1, "bob", a="1"))
    proof, left = looked_at(journal_of(shop), opening(shop))
    assert (proof.events, proof.sealed, proof.erased_at) == (2, 2, None)
    assert left == {SEALED: 2, CLEAR: 0}
    # With no master key at hand, or another one, nobody can say that it does not open.
    assert looked_at(journal_of(shop), opening(shop), "")[1][SEALED] == 2
    assert looked_at(journal_of(shop), opening(shop), "another " * 6)[1][SEALED] == 2
    shop.carry(erasure(3))
    shop.apply()
    shop.erase()
    proof, left = looked_at(journal_of(shop), opening(shop))
    assert left == {SEALED: 0, CLEAR: 0}
    assert proof.applied
    assert not looked_at(journal_of(shop), opening(shop), position=3)[0].applied


def test_what_stands_there_in_clear_is_left() -> None:
    clear = Entry(profile(1, a="1"), Source("profiles", 0, 0, 0))
    _, left = looked_at([Record(b"ann", encode_json(clear)), Record(b"ann", b"dirt")], {})
    assert left == {SEALED: 0, CLEAR: 1}


def test_a_key_of_the_topic_is_left_until_its_last_record_is_a_tombstone() -> None:
    _, kept = Cipher(SECRET).new_key("ann")
    made, [gone] = record_of(0, "ann", kept), tombstones(0, {"ann": kept.id})
    other = record_of(0, "annual", kept)

    def places(*records: Any) -> list[str]:
        read = [Record(it.key, it.value) for it in records]
        return [it.state for it in proving._Keys("ann", read).places()]

    assert places(other) == ["nothing", "nothing"]
    assert places(made) == ["left", "nothing"]
    assert places(made, gone) == ["nothing", "expires"]
    assert places(gone) == ["nothing", "nothing"]


def test_places_in_redis_are_told_as_people_call_them() -> None:
    decision = Decision(
        id="1", kind="news", agent="news", customer_id="ann", cause="e", cause_at=1, decided_at=1,
        outcome="sent", reason="heard",
    )  # fmt: skip
    waiting = Outgoing(1, 0, decision)

    async def traces() -> AsyncIterator[Trace]:
        yield Trace("customers", 0, "", b"row")
        yield Trace("ledgers", 3, "referral", b"ann")
        yield Trace("next:customers", 0, "", b"row")
        yield Trace("outbox", 0, "outbox", encode_json(blank(waiting)))

    found = {it.name: it for it in asyncio.run(proving._in_redis(traces()))}
    assert {name for name, it in found.items() if it.state == "left"} == {
        "row", "ledgers", "staged rows",
    }  # fmt: skip
    assert found["ledgers"].what == "referral names them in ledgers/3"
    assert found["outbox"] == Place("outbox")


@pytest.mark.parametrize(
    ("proof", "says"),
    [
        (Proof("ann", 0), ["Nobody has asked", "Nothing is left."]),
        (Proof("ann", 0, "2026-01-20T08:00:00.000Z", applied=True), ["has been applied", "Nothing is left."]),
        (Proof("ann", 0, "2026-01-20T08:00:00.000Z", left=1, places=[Place("row", "left", 1, "an entry")]),
         ["has not been applied yet", "an entry", "Something is left in 1 place."]),
    ],
)  # fmt: skip
def test_a_proof_says_what_follows_from_it(
    capfd: pytest.CaptureFixture[str], proof: Proof, says: list[str]
) -> None:
    proof_view.show(proof)
    told = capfd.readouterr().out
    assert [it for it in says if it not in told] == []


def test_a_proof_without_kafka_is_one_clear_line(ebbtide: Ebbtide) -> None:
    code, _, complained = ebbtide("prove-erased", "ann", "--broker", NOWHERE)
    assert (code, complained.count("\n")) == (1, 1)
    assert "cannot be reached" in complained
