"""Where do lines go that cannot be imported? Into a file in which they can be mended.

A line there says which line of which file it was, what is wrong with it and what to do, and has the
line itself as text. Mend that text, and import the file: nothing else is in it, so nothing counts
twice.
"""

import os
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Self

import msgspec
from msgspec import Struct

from schemas.codec import DAMAGE, encode_json
from streams.commands.lines import Report
from streams.commands.terminal import CommandError

_SUFFIX = ".rejects"
_COPIED_BYTES = 1024 * 1024


class Reject(Struct, frozen=True, omit_defaults=True):
    """A line that was not imported. text_base64: instead of text, where it is not UTF-8."""

    file: str
    line: int
    reason: str
    detail: str
    hint: str
    text: str = ""
    text_base64: str = ""

    @property
    def content(self) -> bytes:
        """The line, as somebody may have mended it."""
        return b64decode(self.text_base64) if self.text_base64 else self.text.strip().encode()


_decode = msgspec.json.Decoder(Reject).decode


def mended(line: bytes) -> Reject | None:
    """The line of a file of rejects; None where it is none."""
    try:
        found = _decode(line)
        _ = found.content
    except (*DAMAGE, NoBase64, ValueError):
        return None
    return found


def default_path(files: tuple[str, ...] | list[str]) -> Path:
    """Beside the first file; for stdin in the working folder.

    >>> str(default_path(["a/orders.jsonl.gz", "clicks.jsonl"]))
    'a/orders.jsonl.gz.rejects'
    """
    return Path(("stdin" if files[0] == "-" else files[0]) + _SUFFIX)


class Rejects:
    """The lines that are rejected; written under their name at the end, if there are any."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file: IO[bytes] = TemporaryFile()  # noqa: SIM115 - closed with this

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, report: Report, line: bytes) -> None:
        """Keep a line."""
        self.count += 1
        where = report.file, report.line, report.reason, report.detail, report.hint
        try:
            reject = Reject(*where, text=line.decode())
        except UnicodeDecodeError:
            reject = Reject(*where, text_base64=b64encode(line).decode())
        self._file.write(encode_json(reject) + b"\n")

    def save(self) -> None:
        """Write the file. Raises CommandError where another one stands there already.

        It is readable for its owner only, for lines may be about people.
        """
        if not self.count or self._is_there():
            return
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                self._file.seek(0)
                while piece := self._file.read(_COPIED_BYTES):
                    file.write(piece)
        except FileExistsError as error:
            raise CommandError(
                f"{self.path} is there already, and may hold lines that somebody is mending. Move"
                " it away, or name another with --rejects; nothing was imported"
            ) from error
        except OSError as error:
            raise CommandError(f"{self.path}: {error.strerror or error}") from error

    def _is_there(self) -> bool:
        """Whether the file says the same already: of a dry run, or a run before this."""
        try:
            with self.path.open("rb") as file:
                self._file.seek(0)
                while True:
                    ours, theirs = self._file.read(_COPIED_BYTES), file.read(_COPIED_BYTES)
                    if ours != theirs:
                        return False
                    if not ours:
                        return True
        except OSError:
            return False
