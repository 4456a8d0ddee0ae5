"""How are amounts and counts written for people?"""

from schemas.currency import minor_digits


def plural(count: int, noun: str) -> str:
    """A count and what is counted.

    >>> plural(1, "event"), plural(1200, "event")
    ('1 event', '1,200 events')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def money(cents: int, currency: str) -> str:
    """An amount of minor units as people write it.

    >>> money(123450, "EUR"), money(500, "JPY"), money(1234, "")
    ('1,234.50 EUR', '500 JPY', '12.34')
    """
    digits = minor_digits(currency)
    return f"{cents / 10**digits:,.{digits}f} {currency}".rstrip()
