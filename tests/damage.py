"""What can be wrong with bytes? Strategies that damage good ones, and ones that are just anything."""

from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import strategies as st

# What parsers stumble over: depth, size, other numbers, other text, other ends.
BITS = (
    b"[" * 5_000, b'{"a":' * 5_000, b"\x91" * 5_000, b"\xdf\xff\xff\xff\xff", b"\xc6\x7f\xff\xff\xff",
    b"1e999", b"-1", b"9" * 400, b"1e15", b"18446744073709551616", b"NaN", b"null", b"true", b'""', b"[]", b"{}",
    b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\\ud800", b"\xef\xbb\xbf", b"\xc0\x80",
    b"0001-01-01T00:00:00Z", b"9999-12-31T23:59:60+23:59", b"2026-02-30T00:00:00Z", b"2026-01-20T08:00:00",
    b"\x1f\x8b\x08", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, good: st.SearchStrategy[bytes]) -> bytes:
    """Good bytes after some accidents."""
    data = draw(good)
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(data)))
        end = min(len(data), begin + draw(st.integers(0, 20)))
        match draw(st.integers(0, 4)):
            case 0:
                middle = b""
            case 1:
                middle = draw(st.binary(max_size=8))
            case 2:
                middle = draw(st.sampled_from(BITS))
            case 3:
                middle = data[begin:end] * draw(st.sampled_from([2, 3, 50]))
            case _:
                middle = bytes(it ^ (1 << draw(st.integers(0, 7))) for it in data[begin:end])
        data = data[:begin] + middle + data[end:]
    return data


def anything(good: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Good bytes, damaged ones, and any at all."""
    return st.one_of(good, damaged(good), damaged(good), st.binary(max_size=200))


def from_seed(make: Callable[[Random], Any]) -> st.SearchStrategy[Any]:
    """What a function makes of a seed."""
    return st.integers(0, 2**32).map(lambda seed: make(Random(seed)))
