"""Where does a url lead, and what of it may be shown? Many hold a secret in their path or query.

The law: what stands behind host and port is shown nowhere, be it in a log, in a dead letter or by
``/ready``. And a url is read here by what later posts to it, so that both mean the same host.
"""

import ipaddress
import re

from yarl import URL

# RFC 1123, 2.1: also a digit may come first. What has other letters is looked at as IDNA has it.
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NAME_MAX = 253
_HOSTS = (
    "allowed are localhost, an IP address, or a name of labels with a dot between, each of 1 to 63"
    " of a-z, 0-9 and -, with no - at its ends, and the last one no number"
)
_WANTED = "https://host/path is wanted"
# Nobody's secret is shorter, and words of everyday life are.
_SECRET_MIN = 8


def wrong_url(url: str, *, insecure: bool) -> str:
    """What is wrong with a target's url; empty where nothing is. It quotes no more than the host.

    >>> wrong_url("https://mail.example.com/hook", insecure=False)
    ''
    """
    if not url.isprintable() or " " in url:
        return f"no spaces and no control characters: write %20 in a path; of hosts {_HOSTS}"
    try:
        parts = URL(url)
    except UnicodeError:
        return f"its host cannot be written as IDNA; {_HOSTS}"
    except ValueError:
        return _WANTED
    if parts.scheme not in ("http", "https") or parts.raw_host is None or not parts.port:
        return _WANTED
    return _wrong_place(parts, insecure=insecure)


def _wrong_place(parts: URL, *, insecure: bool) -> str:
    host = parts.raw_host or ""
    if parts.user is not None or parts.password is not None:
        return "a name or a password in it would get into logs; the signature tells who we are"
    if not _is_host(host):
        return f"its host is {host!r}; {_HOSTS}"
    if parts.scheme == "http" and not insecure and not _is_loopback(host):
        return "triggers tell of customers, so only https, or http to this machine; or insecure"
    return ""


def shown(url: str) -> str:
    """Scheme, host and port; of what is no url, at most what stands before a path.

    >>> shown("https://hooks.example.com:8443/services/T0/hush?key=hush")
    'https://hooks.example.com:8443'
    """
    try:
        return str(URL(url).origin())
    except ValueError:
        scheme, colons, rest = url.rpartition("://")
        return "…" if "@" in url else scheme + colons + re.split(r"[/?#]", rest)[0]


def hushed(url: str, text: str) -> str:
    """A text without what the url says behind its host: receivers like to quote it.

    >>> hushed("https://x.example/services/T0/hushhush", "Cannot POST /services/T0/hushhush")
    'Cannot POST …'
    """
    parts = URL(url)
    queries = (parts.raw_query_string, parts.query_string)
    secrets = {
        parts.raw_path_qs, parts.path_qs, parts.raw_path, parts.path, *queries,
        *parts.raw_parts, *parts.parts, *parts.query.values(),
        *(pair.partition("=")[2] for pair in parts.raw_query_string.split("&")),
    }  # fmt: skip
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SECRET_MIN:
            text = text.replace(secret, "…")
    return text


def _is_host(host: str) -> bool:
    """Whether it is an IP address, or a name by RFC 1123. host: as IDNA writes it."""
    if _is_address(host):
        return True
    # A dot at the end says that the name is whole.
    name = host.removesuffix(".")
    labels = name.split(".")
    return (
        len(name) <= _NAME_MAX
        and all(_LABEL.fullmatch(it) for it in labels)
        # 127.1 and 10.0.0.256 are taken for addresses by some, and are none.
        and not labels[-1].isdecimal()
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)
