"""How is the contender on Kafka Streams built and started? By Maven, once for these sources."""

from hashlib import blake2b
from pathlib import Path

from bench.java import java, maven
from bench.place import BUILD, doing

_SOURCES = Path(__file__).parent / "contenders" / "kafka_streams"


def build() -> Path:
    """The folder with its classes and jars; Maven fills it if the sources are new."""
    digest = blake2b(digest_size=6)
    for path in sorted(_SOURCES.iterdir()):
        digest.update(path.read_bytes())
    folder = BUILD / "kafka-streams" / digest.hexdigest()
    if not folder.is_dir():
        with doing("Kafka Streams, once: half a minute"):
            maven(
                (_SOURCES / "pom.xml").read_text("utf-8"),
                folder,
                f"-Dsources={_SOURCES}",
                "compile",
            )
    return folder


def command(*options: str) -> list[str]:
    """What runs it. A gigabyte is more than it was seen to need."""
    return [*java(build(), "-Xmx1g"), "Contender", *options]
