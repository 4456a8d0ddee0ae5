"""How does a backup look as a file? One gzip stream of frames, which ends with a count of them.

A frame is a length (four bytes, big-endian) and that much msgpack. First a header; then for each
partition where it stands and pieces of what it holds; at last how many frames that were. A file
that ends early, or in which a bit has changed, is told by gzip's checksum or by that count.
"""

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self, cast

import msgspec
from msgspec import Struct

from schemas.codec import DAMAGE
from state.customer import ROW_VERSION
from state.redis_stage import Piece

FORMAT = 1
_LENGTH = 4


class SnapshotError(Exception):
    """The file is no backup, or not a whole one, or not one for this installation."""


class Header(Struct, kw_only=True, tag="ebbtide-backup"):
    """What is in the file. journal: its topic's id. created_at: epoch milliseconds."""

    version: int = FORMAT
    row_version: int = ROW_VERSION
    created_at: int
    journal: str
    journal_partitions: int


class Begin(Struct, tag="partition"):
    """What follows belongs to this partition. position: of the table, as text."""

    partition: int
    position: str


class Some(Struct, tag="piece"):
    """A piece of the partition that was begun last."""

    piece: Piece


class End(Struct, tag="end"):
    """Nothing follows. frames: how many there are before this one."""

    frames: int


Frame = Header | Begin | Some | End

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder[Frame](Frame).decode


class Writer:
    """Writes a backup. Readable for its owner only: it holds all that is known of customers."""

    def __init__(self, path: Path, header: Header) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._raw = os.fdopen(descriptor, "wb")
        self._file = gzip.GzipFile(
            fileobj=self._raw, mode="wb", filename="", mtime=0, compresslevel=5
        )
        self._frames = 0
        self.put(header)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Finish it; what was not finished is not left under its name."""
        if kind is None:
            self.put(End(self._frames))
        self._file.close()
        self._raw.flush()
        os.fsync(self._raw.fileno())
        self._raw.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink()

    def put(self, frame: Frame) -> None:
        """Add a frame."""
        content = _encode(frame)
        self._file.write(len(content).to_bytes(_LENGTH, "big") + content)
        self._frames += 1


def read(path: Path) -> Iterator[Frame]:
    """All frames up to the end. Raises SnapshotError where one is missing or damaged."""
    try:
        with gzip.open(path, "rb") as file:
            yield from _frames(path, cast("BinaryIO", file))
    except FileNotFoundError as error:
        raise SnapshotError(f"{path}: there is no such file") from error
    except (OSError, EOFError, zlib.error) as error:
        raise SnapshotError(f"{path}: {error}: not a whole backup") from error


def _frames(path: Path, file: BinaryIO) -> Iterator[Frame]:
    count = 0
    while True:
        length = int.from_bytes(file.read(_LENGTH), "big")
        try:
            frame = _decode(file.read(length))
        except DAMAGE as error:
            raise SnapshotError(f"{path}: frame {count}: {error}: not a whole backup") from error
        if (count == 0) != isinstance(frame, Header):
            raise SnapshotError(f"{path}: this is not a backup that `ebbtide backup` wrote")
        if isinstance(frame, Header) and (
            frame.version > FORMAT or frame.row_version > ROW_VERSION
        ):
            raise SnapshotError(
                f"{path}: a newer version of Ebbtide wrote this; restore it with that"
            )
        if isinstance(frame, End):
            if frame.frames != count or file.read(1):
                raise SnapshotError(f"{path}: {count} frames of {frame.frames}: not a whole backup")
            return
        yield frame
        count += 1


def verify(path: Path) -> tuple[Header, dict[int, str]]:
    """Read a whole file; its header, and the position of each partition. Raises SnapshotError."""
    header: Header | None = None
    positions: dict[int, str] = {}
    for frame in read(path):
        if isinstance(frame, Header):
            header = frame
        elif isinstance(frame, Begin):
            positions[frame.partition] = frame.position
    if header is None:
        raise SnapshotError(f"{path}: this is not a backup")
    return header, positions
