"""Which of many, as if by chance, and in each replay the same? The finalizer of SplitMix64.

Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
"""

_64_BITS = 2**64 - 1
#: 2**64 by the golden ratio: whoever counts 1, 2, 3 … multiplies by it first, as the paper does.
STEP = 0x9E3779B97F4A7C15


def mixed(number: int) -> int:
    """Another number of 64 bits, of which nothing shows how this one lies beside others.

    >>> mixed(1 * STEP) % 10, mixed(2 * STEP) % 10, mixed(3 * STEP) % 10
    (5, 0, 9)
    """
    number &= _64_BITS
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 & _64_BITS
    number = (number ^ number >> 27) * 0x94D049BB133111EB & _64_BITS
    return number ^ number >> 31
