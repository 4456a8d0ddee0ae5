"""How do dead letters that somebody repaired in a file get back? Checked first, as ingest would."""

from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from config.settings import Settings
from schemas.codec import DAMAGE
from schemas.dead_letter import TOPIC, Refusal
from schemas.journal import AnyFact
from streams.commands import kafka
from streams.commands.letters import Again, Requeued, send
from streams.commands.lines import Checker, Report, exist, numbered, show
from streams.commands.publishing import TOPIC_OF
from streams.commands.terminal import CommandError
from streams.connection import brokers_of


class RepairedLetter(Struct, kw_only=True):
    """What is needed of a letter as ``dead-letters list --json`` prints it.

    value: as the text that was printed, or as the event itself, an object: easier to edit.
    """

    offset: int
    reason: str
    source_topic: str
    value: msgspec.Raw = msgspec.Raw(b"null")
    value_base64: str | None = None

    def content(self) -> bytes:
        """The event's bytes. Raises MsgspecError or binascii.Error where there are none."""
        written = bytes(self.value)
        if written.startswith(b'"'):
            return msgspec.json.decode(written, type=str).encode()
        if written == b"null" and self.value_base64 is not None:
            return b64decode(self.value_base64, validate=True)
        return written


async def requeue_file(
    settings: Settings, path: str, reasons: Sequence[str], *, dry_run: bool
) -> Requeued:
    """Send letters as a file has them: printed by ``list --json``, and repaired since.

    One that ingest would not accept is reported and not sent. Raises CommandError where a line is
    no letter.
    """
    exist([path])
    kafka.reach(brokers_of(settings)).require([TOPIC])
    done = Requeued()
    # Read to its end before the first one is sent: a line that is no letter stops it all.
    found = list(_repaired(settings, path, reasons, done))
    return await send(brokers_of(settings), found, done, dry_run=dry_run)


def _repaired(
    settings: Settings, path: str, reasons: Sequence[str], done: Requeued
) -> Iterator[Again]:
    checker = Checker(settings)
    for number, line in numbered(path):
        letter, content = _parsed(path, number, line)
        if reasons and letter.reason not in reasons:
            continue
        checked = _checked(checker, letter, content)
        if isinstance(checked, Refusal):
            done.invalid += 1
            show(Report(path, number, checked.reason, checked.detail, checked.hint), done.invalid)
            continue
        came_from = f"{TOPIC}/0/{letter.offset}"
        key = checked.subject.encode()
        yield Again(letter.source_topic, key, content, letter.reason, came_from)


def _parsed(path: str, number: int, line: bytes) -> tuple[RepairedLetter, bytes]:
    try:
        letter = msgspec.json.decode(line, type=RepairedLetter)
        return letter, letter.content()
    except (*DAMAGE, NoBase64) as error:
        printed = "as `ebbtide dead-letters list --json` prints it"
        raise CommandError(f"{path}:{number}: no letter {printed}: {error}") from error


def _checked(checker: Checker, letter: RepairedLetter, content: bytes) -> AnyFact | Refusal:
    checked = checker.check(content)
    if isinstance(checked, Refusal):
        return checked
    belongs = TOPIC_OF[type(checked)]
    if belongs != letter.source_topic:
        return Refusal("unknown_type", f"belongs to {belongs}, and came from {letter.source_topic}")
    return checked
