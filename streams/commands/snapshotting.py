"""How are partitions written to a file, and put back? One after another, each as of one moment."""

from pathlib import Path
from time import time_ns

from msgspec import Struct, field

from config.settings import Settings
from state.redis_stage import Piece, Stage
from streams.commands import kafka, terminal
from streams.commands.progress import bar
from streams.connection import brokers_of, redis_url_of
from streams.snapshots import Begin, Header, SnapshotError, Some, Writer, read, verify
from streams.topics import JOURNAL


class Done(Struct):
    """What was written or restored. further: left as they are, because Redis is further."""

    customers: int = 0
    partitions: dict[int, str] = field(default_factory=dict)
    further: list[int] = field(default_factory=list)


async def backup(settings: Settings, path: Path) -> Done:
    """Write all partitions. Raises CommandError where the file cannot be written."""
    header = _header(settings)
    done = Done()
    try:
        with Writer(path, header) as writer, bar("partitions", header.journal_partitions) as step:
            async with Stage(redis_url_of(settings), "backup") as stage:
                for partition in range(header.journal_partitions):
                    await _write(stage, partition, writer, done)
                    step(1)
    except OSError as error:
        raise terminal.CommandError(f"{path}: {error.strerror or error}") from error
    return done


async def _write(stage: Stage, partition: int, writer: Writer, done: Done) -> None:
    await stage.copy(partition)
    try:
        position = str(await stage.position(partition))
        done.partitions[partition] = position
        writer.put(Begin(partition, position))
        async for piece in stage.pieces(partition):
            writer.put(Some(piece))
            done.customers += _customers(piece)
    finally:
        await stage.clear(partition)


async def restore(settings: Settings, path: Path, *, back: bool) -> Done:
    """Put all partitions of a file in place. Raises CommandError where it is not for them.

    back: also where the live partition is further.
    """
    try:
        found, positions = verify(path)
        _fits(path, found, positions, _header(settings))
        async with Stage(redis_url_of(settings), "restore") as stage:
            return await _restore(stage, path, len(positions), back=back)
    except SnapshotError as error:
        raise terminal.CommandError(str(error)) from error


async def _restore(stage: Stage, path: Path, partitions: int, *, back: bool) -> Done:
    done = Done()
    staged: Begin | None = None
    customers = 0

    async def promote() -> None:
        if staged is None:
            return
        if await stage.promote(staged.partition, back=back):
            done.partitions[staged.partition] = staged.position
            done.customers += customers
        else:
            done.further.append(staged.partition)
            await stage.clear(staged.partition)

    with bar("partitions", partitions) as step:
        for frame in read(path):
            if isinstance(frame, Begin):
                await promote()
                staged, customers = frame, 0
                await stage.clear(frame.partition)
                step(1)
            elif isinstance(frame, Some) and staged is not None:
                await stage.put(staged.partition, frame.piece)
                customers += _customers(frame.piece)
        await promote()
    return done


def _header(settings: Settings) -> Header:
    topics = kafka.reach(brokers_of(settings))
    partitions = topics.require([JOURNAL])[JOURNAL]
    return Header(
        created_at=time_ns() // 1_000_000,
        journal=topics.id_of(JOURNAL),
        journal_partitions=partitions,
    )


def _fits(path: Path, found: Header, positions: dict[int, str], here: Header) -> None:
    """Raise unless the rows belong to the journal that is here."""
    if found.journal_partitions != here.journal_partitions:
        raise SnapshotError(
            f"{path} has {found.journal_partitions} partitions, and the journal here has"
            f" {here.journal_partitions}: its rows belong to another journal"
        )
    if found.journal != here.journal:
        raise SnapshotError(
            f"{path} was made with another journal (topic id {found.journal}, here {here.journal}):"
            " its rows say where they stand in that one"
        )
    if missing := set(range(here.journal_partitions)) - positions.keys():
        raise SnapshotError(f"{path}: partitions {sorted(missing)} are missing")


def _customers(piece: Piece) -> int:
    return len(piece.pairs) if piece.name == "customers" else 0
