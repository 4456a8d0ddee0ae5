"""How does what is read in a text come beside its event? Whoever writes the journal asks here.

Nothing heavy is imported: most have no model, and theirs is a worker without numpy in its memory.
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec.structs import replace

from config.settings import Settings
from schemas.journal import Entry
from schemas.reading import SPOKEN, Reading


class TextReader(Protocol):
    """What reads texts; see ``reader.py``."""

    version: str

    def read(self, texts: Sequence[str]) -> list[Reading | None]:
        """What each text says; None where the model knows nothing in it."""
        ...


def open_reader(settings: Settings) -> TextReader | None:
    """By the model that the settings name; None where they name none. Raises ConfigError."""
    if not settings.review_model:
        return None
    from streams.reviews.reader import reader_of

    return reader_of(settings.review_model)


def has_text(entry: Entry) -> bool:
    """Whether a customer speaks in it."""
    return type(entry.event) in SPOKEN and bool(entry.event.text)  # type: ignore[union-attr]


def with_readings(reader: TextReader, entries: Sequence[Entry]) -> list[Entry]:
    """The entries, all of which have a text, each with what is read in it."""
    readings = reader.read([it.event.text for it in entries])  # type: ignore[union-attr]
    return [replace(it, reading=of) for it, of in zip(entries, readings, strict=True)]
