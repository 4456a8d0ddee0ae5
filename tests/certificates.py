"""Certificates for tests: an authority, and who it vouches for, made by `openssl`."""

import shutil
import subprocess
from pathlib import Path

from msgspec import Struct

from streams.embedded import HOST


class Identity(Struct, frozen=True):
    """A certificate and its key, as PEM files."""

    cert: Path
    key: Path


class Authority:
    """Signs certificates in a folder. ca: its own, by which others know it."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._name = name
        self.ca = folder / f"{name}.crt"
        self._key = folder / f"{name}.key"
        _openssl(
            "req", "-x509", "-days", "2", "-subj", f"/CN={name}", "-out", self.ca,
            "-addext", "keyUsage=critical,keyCertSign", *_new_key(self._key),
        )  # fmt: skip

    def identity(self, name: str) -> Identity:
        """A certificate for a server on the loopback, or for a client."""
        made = Identity(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName=IP:{HOST},DNS:localhost\n")
        _openssl("req", "-subj", f"/CN={name}", "-out", request, *_new_key(made.key))
        _openssl(
            "x509", "-req", "-days", "2", "-in", request, "-CA", self.ca, "-CAkey", self._key,
            "-CAcreateserial", "-extfile", extensions, "-out", made.cert,
        )  # fmt: skip
        return made


def why_not() -> str | None:
    """Why no certificates can be made here; None where they can."""
    return None if shutil.which("openssl") else "certificates are made by openssl, not found here"


def _new_key(path: Path) -> list[object]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path]


def _openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
