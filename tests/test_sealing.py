"""Sealing and opening: new customers get a key, erased ones another, and nothing is lost on the way."""

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import pytest
from partition import AGREED
from privacy_world import Keys, Line, Redis, Steps, TopicOfKeys

from agents.engine.engine import Engine
from agents.engine.intake import EngineSettings
from schemas.clickstream import PageViewed, ProductViewed
from schemas.event import Event
from schemas.journal import Entry, Record, Source, each_of
from schemas.profiles import ErasureRequested, ProfileUpdated
from state.customer import decode_customer
from state.redis_keys import Found, Kept
from streams.apply import apply
from streams.privacy.cipher import Cipher, PrivacyError
from streams.privacy.eraser import Eraser
from streams.privacy.key_ring import KeyRing
from streams.privacy.opener import refuse_sealed
from streams.privacy.privacy import Privacy, privacy

AT = 1_768_896_000_000
SECRET = "a-long-random-text-for-the-tests-only"
T = TypeVar("T")


class Shop:
    """One partition, with its keys."""

    def __init__(self, secret: str = SECRET) -> None:
        self.redis, self.topic, self.steps = Redis(), TopicOfKeys(), Steps()
        self.engine = Engine([], AGREED, EngineSettings())
        self.journal: list[Record] = []
        self.privacy = self.worker(secret)

    def worker(self, secret: str = SECRET) -> Privacy:
        """Another process."""
        line = Line(self.topic, self.steps)
        cipher = Cipher(secret) if secret else None
        return privacy(KeyRing(Keys(self.redis, self.steps), line, line), cipher, 1)

    def carry(self, *events: Event) -> list[Entry]:
        """Into the journal, as ingest would."""
        begin, sealer = len(self.journal), self.privacy.sealer
        entries = [Entry(it, Source("raw", 0, begin + at, 0)) for at, it in enumerate(events)]  # type: ignore[arg-type]
        asked = [it for it in entries if sealer.concerns(it.event)]
        sealed = iter(run(sealer.seal(asked)))
        carried = [next(sealed) if sealer.concerns(it.event) else it for it in entries]
        self.journal += carried
        return carried

    def apply(self) -> None:
        """All that has not been applied."""
        run(self._apply())

    async def _apply(self) -> None:
        table = self.redis.table
        position = await table.position(0)
        offsets = list(range(position.offset, len(self.journal)))
        records = [self.journal[it] for it in offsets]
        opened = await self.privacy.opener.open(0, offsets, records, len(self.journal))
        async for _ in apply(self.engine, table, 0, position, offsets, opened):
            pass

    def erase(self) -> None:
        """What the eraser does in its turn."""
        self.privacy.eraser.begin(0)
        run(self.privacy.eraser.work(0))

    def traits(self, who: str = "ann") -> dict[str, str] | None:
        """What is known of a customer; None where there is no row."""
        row = self.redis.table.rows(0).get(who)
        return None if row is None else decode_customer(who, row).traits

    def live(self) -> int:
        """How many keys the topic has that are not destroyed."""
        return sum(it.wrapped is not None for it in self.topic.said().values())


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def profile(number: int, who: str = "ann", **traits: str) -> ProfileUpdated:
    return ProfileUpdated(
        event_id=f"{who}{number}", customer_id=who, occurred_at=AT + number, traits=traits
    )


def erasure(number: int, who: str = "ann") -> ErasureRequested:
    return ErasureRequested(event_id=f"{who}{number}", customer_id=who, occurred_at=AT + number)


def test_what_holds_nothing_personal_is_not_asked_about() -> None:
    shop = Shop()
    view = ProductViewed(event_id="e", customer_id="ann", occurred_at=AT, product_id="tea")
    [entry] = shop.carry(view, PageViewed(event_id="f", customer_id="ann", occurred_at=AT))[:1]
    assert entry.sealed == ""
    assert shop.topic.records == []


def test_a_customer_gets_one_key_and_it_opens_everything() -> None:
    shop = Shop()
    one, two = shop.carry(profile(1, a="1"), profile(2, b="2"))
    [three] = shop.carry(profile(3, c="3"))
    assert one.key_id == two.key_id == three.key_id
    assert one.event.traits == {}  # type: ignore[union-attr]
    shop.apply()
    assert shop.traits() == {"a": "1", "b": "2", "c": "3"}
    assert shop.live() == 1


def test_customers_share_no_key() -> None:
    ann, bob = Shop().carry(profile(1, a="1"), profile(1, "bob", a="1"))
    assert ann.key_id != bob.key_id


def test_the_topic_has_a_key_before_anything_is_sealed_with_it() -> None:
    shop = Shop()
    shop.steps.left = 1  # To look the key up, and not to write it.
    with pytest.raises(Exception):  # noqa: B017 - a crash
        shop.carry(profile(1, a="1"))
    assert shop.journal == []
    assert shop.redis.kept == {}


def test_what_comes_after_an_erasure_in_the_same_batch_has_another_key() -> None:
    shop = Shop()
    before, gone, after = shop.carry(profile(1, a="1"), erasure(2), profile(3, b="2"))
    assert each_of(gone.destroys) == [before.key_id]
    assert after.key_id != before.key_id
    shop.apply()
    assert shop.traits() == {"b": "2"}
    shop.erase()
    assert shop.live() == 1


def test_a_customer_who_comes_back_before_the_erasure_is_applied_has_another_key() -> None:
    shop = Shop()
    [before] = shop.carry(profile(1, a="1"))
    shop.carry(erasure(2))
    shop.privacy = shop.worker()
    [after] = shop.carry(profile(3, b="2"))
    assert after.key_id != before.key_id
    shop.apply()
    assert shop.traits() == {"b": "2"}


def test_an_erasure_that_comes_again_destroys_nothing_again() -> None:
    shop = Shop()
    _, gone, after = shop.carry(profile(1, a="1"), erasure(2), profile(3, b="2"))
    shop.apply()
    # Carried over twice: ingest has seen the new key when it came the second time.
    shop.journal.append(Entry(gone.event, gone.source, destroys=after.key_id))
    shop.apply()
    shop.erase()
    assert shop.traits() == {"b": "2"}
    assert shop.live() == 1


def test_a_repetition_from_before_an_erasure_leaves_nothing_that_can_be_read() -> None:
    shop = Shop()
    before, _ = shop.carry(profile(1, a="1"), erasure(2))
    shop.apply()
    shop.erase()
    [again] = shop.carry(profile(1, a="1"))
    shop.journal[-1] = Entry(again.event, before.source, sealed=again.sealed)
    shop.apply()
    shop.erase()
    assert shop.traits() is None
    assert shop.live() == 0


def test_the_key_of_a_row_that_ended_long_ago_is_destroyed_too() -> None:
    shop = Shop()
    shop.carry(profile(1, a="1"))
    shop.apply()
    shop.redis.table.rows(0).clear()
    shop.carry(erasure(2))
    shop.apply()
    shop.erase()
    assert shop.live() == 0


def test_after_an_erasure_a_replay_shows_nothing_personal_and_goes_through() -> None:
    shop = Shop()
    shop.carry(profile(1, a="1"), profile(1, "bob", a="1"), erasure(2))
    shop.apply()
    shop.erase()
    shop.redis.table._partitions.clear()
    shop.privacy = shop.worker()
    shop.journal = shop.journal[:2]
    shop.apply()
    assert shop.traits() == {}
    assert shop.traits("bob") == {"a": "1"}
    assert shop.privacy.opener.unopened == 1


def test_a_redis_that_lost_everything_learns_the_keys_from_the_topic() -> None:
    shop = Shop()
    shop.carry(profile(1, a="1"))
    shop.redis.restore(Redis())
    shop.privacy = shop.worker()
    shop.apply()
    assert shop.traits() == {"a": "1"}
    assert shop.live() == 1


def test_an_eraser_that_is_closed_ends_and_asks_for_nothing_more() -> None:
    """What it works with is closed after it: a question then was a crash at an orderly stop."""
    asked: list[int] = []

    async def catch_up(partition: int) -> None:
        asked.append(partition)
        await asyncio.sleep(60)

    async def story() -> None:
        eraser = Eraser(cast(KeyRing, SimpleNamespace(catch_up=catch_up)), None)
        eraser.begin(0)
        eraser.begin(1)
        running = asyncio.create_task(eraser.run())
        while not asked:
            await asyncio.sleep(0)
        await eraser.close()
        await asyncio.wait_for(running, 5)

    run(story())
    assert asked == [0]


def test_what_an_eraser_cannot_deal_with_ends_the_worker() -> None:
    async def catch_up(_: int) -> None:
        raise PrivacyError("another key")

    async def story() -> None:
        eraser = Eraser(cast(KeyRing, SimpleNamespace(catch_up=catch_up)), None)
        eraser.begin(0)
        with pytest.raises(PrivacyError):
            await asyncio.wait_for(eraser.run(), 5)

    run(story())


def test_who_has_no_master_key_seals_nothing_and_opens_nothing() -> None:
    shop = Shop(secret="")
    [entry] = shop.carry(profile(1, a="1"))
    assert (entry.sealed, entry.event) == ("", profile(1, a="1"))
    shop.apply()
    assert shop.traits() == {"a": "1"}
    sealed = Shop().carry(profile(1, a="1"))
    shop.journal += sealed
    with pytest.raises(PrivacyError, match="EBBTIDE_PRIVACY_KEY is not set"):
        shop.apply()
    with pytest.raises(PrivacyError):
        refuse_sealed(sealed)


def test_who_has_another_master_key_stops() -> None:
    shop = Shop()
    shop.carry(profile(1, a="1"))
    shop.privacy = shop.worker("another-long-random-text-for-the-tests")
    with pytest.raises(PrivacyError, match="is not the one"):
        shop.apply()
    with pytest.raises(PrivacyError, match="is not the one"):
        shop.carry(profile(2, b="2"))


def test_what_was_changed_in_the_journal_keeps_its_neutral_values() -> None:
    shop = Shop()
    [entry] = shop.carry(profile(1, a="1"))
    shop.journal = [Entry(entry.event, entry.source, sealed=entry.sealed[:-4] + "AAA=")]
    shop.apply()
    assert shop.traits() == {}


def test_a_key_to_seal_with_is_the_newest_that_is_neither_retired_nor_condemned() -> None:
    one, two, three = (Kept(it * 8, b"", retired=it == "c") for it in "abc")
    assert Found([one, two, three], []).sealing == two
    assert Found([one, two], ["bbbbbbbb"]).sealing == one
    assert Found([one], ["aaaaaaaa"]).sealing is None
    assert Found([one, three], ["aaaaaaaa"]).opening == {"cccccccc": b""}
