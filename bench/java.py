"""How do we come by programs for Java, and start them? Maven brings them, once."""

import os
import shutil
import subprocess
from pathlib import Path

_FETCH_S = 300.0


def maven(pom: str, folder: Path, *goals: str) -> None:
    """Have Maven fill a folder, whole or not at all: jars in it, classes in ``target/classes``.

    Nothing is done where the folder is there, so its name has to say what should be in it.
    """
    if folder.is_dir():
        return
    under_way = folder.with_name(f"{folder.name}.{os.getpid()}")
    under_way.mkdir(parents=True)
    try:
        (under_way / "pom.xml").write_text(pom, "utf-8")
        subprocess.run(
            [shutil.which("mvn") or "mvn", "--quiet", "--batch-mode", "-Dstyle.color=never",
             "--file", str(under_way / "pom.xml"), *goals, "dependency:copy-dependencies",
             f"-DoutputDirectory={under_way}"],
            check=True, timeout=_FETCH_S,
        )  # fmt: skip
        if not folder.is_dir():
            under_way.rename(folder)
    finally:
        shutil.rmtree(under_way, ignore_errors=True)


def java(folder: Path, *options: str) -> list[str]:
    """The command that runs a class of what ``maven`` brought, but for the class's name."""
    return [
        shutil.which("java") or "java", *options, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-cp", f"{folder / 'target' / 'classes'}:{folder}/*",
    ]  # fmt: skip
