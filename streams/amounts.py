"""How are amounts and counts written for people?"""

# ISO 4217: the currencies that do not have 100 minor units.
_DIGITS = dict.fromkeys(
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
     "VUV", "XAF", "XOF", "XPF"], 0,
) | dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3)  # fmt: skip


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
    digits = _DIGITS.get(currency, 2)
    return f"{cents / 10**digits:,.{digits}f} {currency}".rstrip()
