"""What have they told us, and did we act on it? The newest version of each review or answer.

The law: what is told once is acted on once, however often it is edited, and a version that comes
after a newer one changes nothing.
"""

from zlib import crc32

from msgspec import Struct

from schemas.instant import SECOND

KEPT_MAX = 8


class Version(Struct, array_like=True, gc=False, frozen=True):
    """The newest version. at: second since 1970. fits: it is one to act on. acted: one was."""

    at: int
    fits: bool
    acted: bool


class Heard(Struct, array_like=True, gc=False, frozen=True):
    """By what was told (CRC-32 of its id, for ids are long): its newest version."""

    versions: dict[int, Version] = {}

    def hear(self, told: str, at: int, *, fits: bool) -> tuple["Heard", bool]:
        """The memory after one more version, and whether it is the first one to act on.

        What was heard longest ago is let go. at: epoch milliseconds.

        >>> heard, acts = Heard().hear("r1", 5_000, fits=True)
        >>> acts, heard.hear("r1", 6_000, fits=True)[1], heard.hear("r2", 6_000, fits=True)[1]
        (True, False, True)
        """
        key, second = crc32(told.encode()), at // SECOND
        last = self.versions.get(key, Version(0, fits=False, acted=False))
        if second < last.at:
            return self, False
        kept = {it: version for it, version in self.versions.items() if it != key}
        kept[key] = Version(second, fits, fits or last.acted)
        while len(kept) > KEPT_MAX:
            del kept[next(iter(kept))]
        return Heard(kept), fits and not last.acted

    def still_fits(self, told: str) -> bool:
        """Whether the newest version is one to act on; one that was let go is taken to be."""
        last = self.versions.get(crc32(told.encode()))
        return last is None or last.fits
