"""What does the engine work on? The rows that a batch of records names, and what becomes of them.

A batch is opened from what the table loaded, changed by the engine record by record, and closed
into one commit. Nothing in it outlives the batch.
"""

from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush
from typing import TypeVar

import msgspec
from msgspec import Struct

from schemas.codec import DAMAGE, encode_json, encode_row
from schemas.dead_letter import Refusal
from schemas.decisions import Decision, Outgoing
from schemas.event import ANONYMOUS, Event
from schemas.journal import KEY_ID_LENGTH, Entry, merged
from schemas.shop_events import ShopEvent
from state.customer import AWAITED_MAX, KEY_IDS_MAX, Customer, RowError, decode_customer
from state.ledger import Ledgers
from state.model import Models
from state.product import Product
from state.shop import Shop, decode_shop
from state.table import Commit, Loaded, Position

T = TypeVar("T")

_decode_product = msgspec.msgpack.Decoder(Product).decode


class Due(Struct, frozen=True, order=True, gc=False):
    """A timer in the order in which timers fire. key: ``agent`` or ``agent/name``."""

    due_at: int
    customer_id: str
    key: str


class Batch:
    """One batch of one partition between load and commit."""

    def __init__(self, loaded: Loaded, due_until: int | None) -> None:
        self.shop = Shop() if loaded.shop is None else _read(decode_shop, loaded.shop, "the shop")
        self.customers: dict[str, Customer | None] = {}
        self.products: dict[str, Product] = {}
        self.ledgers = Ledgers(loaded.ledgers)
        self.models = Models(loaded.ledgers)
        #: Timers beyond this (due, customer) may exist that were not loaded; None: all were.
        self.horizon = loaded.due[-1] if loaded.due_cut else None
        #: Where the record that is being applied stands in the journal.
        self.offset = loaded.position.offset
        self.outgoing: list[Outgoing] = []
        #: Events of which nothing can be made, with what is wrong.
        self.refused: list[tuple[Entry, Refusal]] = []
        #: What else is counted in this commit: verdicts, money, the effect.
        self.counts: Counter[str] = Counter()
        #: How many events met which fate, by (type, fate).
        self._fates: dict[tuple[type[Event | ShopEvent], str], int] = {}
        self.due = 0
        self.fired: Counter[str] = Counter()
        self._expected = loaded.position
        #: When timers were next due, of customers some of whose timers were changed.
        self._due_before: dict[str, int | None] = {}
        #: The customers who are to be forgotten, and the last decision about each before that.
        self.forgotten: dict[str, int] = {}
        #: Ids of keys, by customer, that open nothing in the log after this batch.
        self.keys_to_destroy: dict[str, str] = {}
        self._changed: set[str] = set()
        self._learned: set[str] = set()
        #: Products that somebody waits for, as far as the batch may have to know it.
        self.awaited = set(loaded.awaited)
        #: Those who wait for the product that the first record changes, in order of their ids; and
        #: whether there are more, who were not loaded.
        self.waiters: list[str] = []
        self.waiters_cut = False
        #: Whether the record at which a run has ended is done in part, and needs another batch.
        self.begun = False
        #: What was awaited, of customers with whom that has changed.
        self._awaited_before: dict[str, frozenset[str]] = {}
        #: Timers set for later than this wait for another batch.
        self._due_until = -1 if due_until is None else due_until
        self._due: list[Due] = []
        self._read_rows(loaded)

    @property
    def applied(self) -> dict[tuple[str, str], int]:
        """How many events met which fate, by the names of type and fate."""
        return {
            (str(kind.__struct_config__.tag), fate): count
            for (kind, fate), count in self._fates.items()
        }

    def count(self, kind: type[Event | ShopEvent], fate: str) -> None:
        """Count an event of a type by what became of it."""
        met = kind, fate
        self._fates[met] = self._fates.get(met, 0) + 1

    def customer(self, customer_id: str) -> Customer:
        """The row, to be changed; a new one where there is none."""
        row = self.customers[customer_id]
        if row is None:
            row = self.customers[customer_id] = Customer()
        self._changed.add(customer_id)
        return row

    def take(self, loaded: Loaded) -> None:
        """Add rows that were loaded second, as those of waiters are; no record is applied yet."""
        self.waiters, self.waiters_cut = loaded.waiters, loaded.waiters_cut
        self._read_rows(loaded)

    def continues(self) -> bool:
        """Whether the record at hand is one of which an earlier batch has done a part."""
        return self._expected.chunk > 0 and self.offset == self._expected.offset

    def erase(self, customer_id: str, row: Customer) -> None:
        """End the row, its timers and its memory."""
        self._remember_due(customer_id, row)
        self._remember_awaited(customer_id, row)
        self.customers[customer_id] = None
        self._changed.add(customer_id)
        if customer_id.startswith(ANONYMOUS):
            # There is no end of visitors, so nothing of theirs may stay for ever.
            self.destroy_keys(customer_id, row.key_ids)

    def forget(self, customer_id: str, row: Customer, key_ids: str) -> None:
        """The row ends at the customer's own wish: their keys go, and what is not published yet.

        key_ids: further keys of theirs; one may have sealed what a row that has ended held.
        """
        self.destroy_keys(customer_id, row.key_ids + key_ids)
        self.forgotten[customer_id] = self._expected.sequence + len(self.outgoing)

    def destroy_keys(self, customer_id: str, key_ids: str) -> None:
        """Have keys destroyed. They open nothing that stands in the log after this."""
        if key_ids:
            known = self.keys_to_destroy.get(customer_id, "")
            self.keys_to_destroy[customer_id] = merged(known, key_ids)

    def sealed(self, entry: Entry) -> None:
        """Note which key an event was sealed with, so that it goes when the customer is erased."""
        customer_id, key_id = entry.event.subject, entry.key_id
        row = self.customers[customer_id]
        if row is None:
            # A repetition from before an erasure: nobody is left whose erasure could take the key.
            self.destroy_keys(customer_id, key_id)
        elif key_id not in row.key_ids:
            row.key_ids = (row.key_ids + key_id)[-KEY_IDS_MAX * KEY_ID_LENGTH :]
            self._changed.add(customer_id)

    def learned(self, product_ids: list[str]) -> None:
        """These products' rows have changed."""
        self._learned.update(product_ids)

    def set_timer(self, customer_id: str, row: Customer, key: str, due_at: int) -> None:
        """Set or replace a timer of a row that is being changed."""
        self._remember_due(customer_id, row)
        row.timers[key] = due_at
        self._queue(customer_id, key, due_at)

    def drop_timer(self, customer_id: str, row: Customer, key: str) -> None:
        """Drop a timer of a row that is being changed, if it is set."""
        if key in row.timers:
            self._remember_due(customer_id, row)
            del row.timers[key]

    def wait_for(self, customer_id: str, row: Customer, agent: str, product_id: str) -> None:
        """Let an agent wait for a product; what has been awaited longest makes room for it."""
        self._remember_awaited(customer_id, row)
        agents = row.awaited.pop(product_id, ())
        row.awaited[product_id] = agents if agent in agents else (*agents, agent)
        while len(row.awaited) > AWAITED_MAX:
            del row.awaited[next(iter(row.awaited))]
        self.awaited.add(product_id)

    def wait_no_more(self, customer_id: str, row: Customer, agent: str, product_id: str) -> None:
        """Let an agent wait for a product no longer, if it does."""
        if agent not in (agents := row.awaited.get(product_id, ())):
            return
        self._remember_awaited(customer_id, row)
        if others := tuple(it for it in agents if it != agent):
            row.awaited[product_id] = others
        else:
            del row.awaited[product_id]

    def next_turn(self, until: int) -> list[Due]:
        """All due timers of the customer who has the first one; empty where no loaded one is due.

        Customers come in the order of (their first due timer, customer), their timers in that of
        (due, name). So what one tick finds due is one occasion for a customer, however a tick is
        cut into batches.
        """
        while self._due and self._due[0].due_at <= until:
            due = self._due[0]
            if self.horizon is not None and (due.due_at, due.customer_id) > self.horizon:
                return []
            heappop(self._due)
            row = self.customers[due.customer_id]
            if row is not None and row.timers.get(due.key) == due.due_at:
                timers = row.timers.items()
                turn = sorted(Due(at, due.customer_id, key) for key, at in timers if at <= until)
                self.due += len(turn)
                return turn
        return []

    def more_due(self, until: int) -> bool:
        """Whether timers may be due that were not loaded: the tick needs another batch."""
        return self.horizon is not None and self.horizon[0] <= until

    def decide(self, decision: Decision, appended_at: int) -> None:
        """Put a decision into the outbox."""
        sequence = self._expected.sequence + len(self.outgoing) + 1
        self.outgoing.append(Outgoing(sequence, appended_at, decision, self.offset))

    def close(self, offset: int, *, published: int) -> Commit:
        """What to commit, when all records before ``offset`` have been applied.

        published: the last outbox sequence that the broker has acknowledged.
        """
        before = self._expected
        chunk = (before.chunk + 1 if before.offset == offset else 1) if self.begun else 0
        customers: dict[str, bytes | None] = {}
        for customer_id in self._changed:
            row = self.customers[customer_id]
            customers[customer_id] = None if row is None else encode_row(row)
        due: dict[str, int | None] = {}
        for customer_id, due_before in self._due_before.items():
            row = self.customers[customer_id]
            next_due = None if row is None else row.next_due
            if next_due != due_before:
                due[customer_id] = next_due
        counts = Counter(
            f"decisions/{it.decision.kind}/{it.decision.outcome}" for it in self.outgoing
        )
        counts.update({f"records/{kind}/{fate}": n for (kind, fate), n in self.applied.items()})
        # Zeros too: what adds up to nothing in one batch does not where the log is cut within it.
        counts.update(self.counts)
        return Commit(
            expected=before,
            position=Position(offset, chunk, before.sequence + len(self.outgoing), before.epoch),
            shop=encode_row(self.shop),
            customers=customers,
            due=due,
            products={it: encode_row(self.products[it]) for it in self._learned},
            outbox=[encode_json(outgoing) for outgoing in self.outgoing],
            counters=dict(counts),
            published=published,
            ledgers=self.ledgers.changed() | self.models.changed(),
            waiting=self._waiting(),
            keys_to_destroy=self.keys_to_destroy,
        )

    def _waiting(self) -> dict[tuple[str, str], bool]:
        """By product and customer, who waits from now on and who does no more."""
        waiting: dict[tuple[str, str], bool] = {}
        for customer_id, before in self._awaited_before.items():
            row = self.customers[customer_id]
            now = frozenset() if row is None else row.awaited.keys()
            for product_id in sorted(before ^ now):
                waiting[product_id, customer_id] = product_id in now
        return waiting

    def _read_rows(self, loaded: Loaded) -> None:
        for product_id, row in loaded.products.items():
            product = Product() if row is None else _read(_decode_product, row, product_id)
            self.products[product_id] = product
        for customer_id, encoded in loaded.customers.items():
            if customer_id in self.customers:
                continue
            customer = None if encoded is None else decode_customer(customer_id, encoded)
            self.customers[customer_id] = customer
            if customer and (until := self._due_until) >= 0:
                for key, due_at in customer.timers.items():
                    if due_at <= until:
                        self._queue(customer_id, key, due_at)

    def _remember_awaited(self, customer_id: str, row: Customer) -> None:
        if customer_id not in self._awaited_before:
            self._awaited_before[customer_id] = frozenset(row.awaited)

    def _remember_due(self, customer_id: str, row: Customer) -> None:
        if customer_id not in self._due_before:
            self._due_before[customer_id] = row.next_due

    def _queue(self, customer_id: str, key: str, due_at: int) -> None:
        if due_at <= self._due_until:
            heappush(self._due, Due(due_at, customer_id, key))


def _read(decode: Callable[[bytes], T], row: bytes, name: str) -> T:
    try:
        return decode(row)
    except DAMAGE as error:
        raise RowError(
            f"the row of {name!r} is not readable ({error}): make the rows of its partition anew"
            " with `ebbtide rebuild --partition`"
        ) from error
