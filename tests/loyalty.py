"""What has a timeline left with a customer? Their book of points, and the tier in their portrait."""

import msgspec
from partition import Partition, journal
from timeline import check

from agents.agent import Agent
from agents.loyalty.points_book import Book
from agents.points import Points
from schemas.journal import Tick
from state.customer import Customer
from streams.simulated.story import parse


def run(table: str, agent: Agent, customer_id: str = "ann") -> Customer:
    """The customer's row at the end of a timeline, with ticks at its rows' moments alone."""
    partition = Partition(agent)
    for number, it in enumerate(parse(table)):
        partition.feed([Tick(it.at)])
        if it.event:
            partition.feed(journal([it.event], begin=number))
    row = partition.row(customer_id)
    assert row is not None
    return row


def book_in(row: Customer) -> Book:
    """The book of points in a row, whose sums have to agree."""
    memory = row.memory.get("points")
    book = Book() if memory is None else msgspec.msgpack.decode(memory, type=Book)
    assert book.earned + book.owed == sum(
        (book.available, book.redeemed, book.reversed, book.expired)
    )
    return book


def book_of(table: str, agent: Points, customer_id: str = "ann") -> Book:
    """Check a timeline; the customer's book at its end."""
    check(table, agent)
    return book_in(run(table, agent, customer_id))


def trait_of(table: str, agent: Agent, customer_id: str = "ann") -> str | None:
    """The tier that the portrait says at the end of a timeline."""
    trait = run(table, agent, customer_id).portrait.get("tier")
    return None if trait is None else trait.value
