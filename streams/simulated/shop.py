"""Who comes to the simulated shop, and what is on its shelves? All of it is made up.

The shop sells outdoor gear in two worlds of six categories. A product belongs to a line, and what
goes with it is what the same line has in the other categories of its world: to the Alder tent the
Alder stove and the Alder sleeping bag. That is what its recommendations ought to find.
"""

from datetime import date, timedelta
from math import exp, log
from random import Random

from msgspec import Struct

CURRENCY = "EUR"

# From the line that sells best, which is the cheapest, to the one that sells least.
LINES = (
    "alder", "birch", "cedar", "elm", "fir", "hazel", "juniper", "larch", "linden", "maple", "oak",
    "pine", "rowan", "spruce", "tamarack", "walnut", "yew",
)  # fmt: skip
# Sales by rank in a catalogue fall about like this (Zipf's law).
POPULARITY = [1 / rank for rank in range(1, len(LINES) + 1)]

# The categories of each world, with the price of the cheapest line in cents.
WORLDS = (
    {
        "tent": 14_900, "sleeping-bag": 7_900, "sleeping-mat": 3_900, "stove": 4_900,
        "cookware": 2_900, "lantern": 1_900,
    },
    {
        "boots": 9_900, "socks": 1_200, "jacket": 8_900, "backpack": 6_900, "bottle": 1_400,
        "poles": 4_400,
    },
)  # fmt: skip

# Where the customers live, and how many of 100 do.
PLACES = {
    ("de-DE", "Europe/Berlin"): 30,
    ("fr-FR", "Europe/Paris"): 20,
    ("it-IT", "Europe/Rome"): 14,
    ("es-ES", "Europe/Madrid"): 12,
    ("nl-NL", "Europe/Amsterdam"): 8,
    ("pt-PT", "Europe/Lisbon"): 5,
    ("fi-FI", "Europe/Helsinki"): 4,
    ("en-IE", "Europe/Dublin"): 3,
    ("en-US", "America/New_York"): 2,
    ("en-IN", "Asia/Kolkata"): 2,
}


class Product(Struct, frozen=True):
    """What the simulated shop sells. price_cents: in euro cents."""

    product_id: str
    category: str
    name: str
    price_cents: int


def _product(category: str, cheapest_cents: int, rank: int) -> Product:
    """One category's product of the line of this rank.

    >>> _product("tent", 14_900, rank=2)
    Product(product_id='cedar-tent', category='tent', name='Cedar tent', price_cents=17795)
    """
    line = LINES[rank]
    price_cents = cheapest_cents * (10 + rank) // 1_000 * 100 - 5
    return Product(
        f"{line}-{category}",
        category,
        f"{line} {category}".replace("-", " ").capitalize(),
        price_cents,
    )


#: The products of each category, from the one that sells best to the one that sells least.
CATALOGUE = {
    category: [_product(category, cents, rank) for rank in range(len(LINES))]
    for world in WORLDS
    for category, cents in world.items()
}

#: What goes with a product: the rest of its line in its world.
GOES_WITH = {
    CATALOGUE[category][rank].product_id: [
        CATALOGUE[other][rank] for other in world if other != category
    ]
    for world in WORLDS
    for category in world
    for rank in range(len(LINES))
}


class Line(Struct, frozen=True):
    """So many of one product in a simulated cart."""

    product: Product
    quantity: int


class Shopper(Struct):
    """One customer of the simulated shop.

    gap_days: the mean time between orders, which is this shopper's own.
    leaves_after: the share of the time from joining to the present after which the shopper is not
    seen again; None for one who stays.
    subscribed: whether newsletters may still go out. cart: what is in it right now.
    """

    customer_id: str
    birthday: date
    locale: str
    time_zone: str
    favourites: list[str]
    gap_days: float
    marketing: bool
    personalisation: bool
    leaves_after: float | None
    subscribed: bool
    cart: list[Line]


def shopper(seed: int, number: int) -> Shopper:
    """Make up one of the customers: always the same one for the same seed and number.

    The first one stays, so that even a shop with one customer has one.
    """
    rng = Random(f"{seed} shopper {number}")  # noqa: S311 - A simulation, and no secret.
    (locale, time_zone), *_ = rng.choices(list(PLACES), list(PLACES.values()))
    # A median of 12 days between orders; two thirds of all shoppers lie between 6 and 24.
    gap_days = exp(rng.gauss(log(12), log(2)))
    marketing = rng.random() < 0.8
    leaves = rng.random() < 0.25 and number > 0
    return Shopper(
        customer_id=f"sim-{seed}-{number:04d}",
        birthday=date(1950, 1, 1) + timedelta(days=rng.randrange(55 * 365)),
        locale=locale,
        time_zone=time_zone,
        favourites=rng.sample(list(CATALOGUE), rng.randint(1, 2)),
        gap_days=min(max(gap_days, 3), 60),
        marketing=marketing,
        personalisation=rng.random() < 0.8,
        leaves_after=rng.uniform(0.2, 0.9) if leaves else None,
        subscribed=marketing,
        cart=[],
    )


def pick(rng: Random, shopper: Shopper) -> Product:
    """A product this shopper may want: mostly of a favourite category, mostly a popular one."""
    known = shopper.favourites if rng.random() < 0.8 else list(CATALOGUE)
    return rng.choices(CATALOGUE[rng.choice(known)], POPULARITY)[0]
