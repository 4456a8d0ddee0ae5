"""How many minor units does a currency have? Amounts are whole numbers of them."""

# ISO 4217: the currencies that do not have 100 minor units.
_DIGITS = dict.fromkeys(
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
     "VUV", "XAF", "XOF", "XPF"], 0,
) | dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3)  # fmt: skip


def minor_digits(currency: str) -> int:
    """How many decimal places an amount of the currency has.

    >>> minor_digits("EUR"), minor_digits("JPY"), minor_digits("KWD")
    (2, 0, 3)
    """
    return _DIGITS.get(currency, 2)
