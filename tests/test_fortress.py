"""TLS, passwords and least rights: what docs/secure.md asks for does; what does not fit is said."""

import json
from collections.abc import Iterator
from pathlib import Path

import certificates
import pytest
from chaos_shop import why_no_redis
from fortress import ADMIN, PASSWORDS, Fortress
from live_shop import now, until
from pages import page, rows, section

from bench.apache_kafka import why_not
from schemas.codec import encode_json
from schemas.reviews import ReviewPosted

REASON = why_not() or certificates.why_not() or why_no_redis() or ""
pytestmark = [pytest.mark.kafka, pytest.mark.skipif(bool(REASON), reason=REASON)]

SECURE = page("docs/secure.md")
RIGHTS = [
    (operation.strip("`"), kind.strip("`"), name.strip("`"))
    for operation, kind, name in rows(section(SECURE, "### Rights in Kafka"))
]


@pytest.fixture(scope="module")
def fortress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fortress]:
    with Fortress(tmp_path_factory.mktemp("fortress")) as fortress:
        made = fortress.run("topics", "create", "--journal-partitions=2", user=ADMIN)
        assert made.returncode == 0, made.stderr
        fortress.grant(RIGHTS)
        yield fortress


def test_a_worker_does_all_its_work_with_the_rights_on_the_page(
    fortress: Fortress, tmp_path: Path
) -> None:
    review = ReviewPosted(
        event_id="e1", customer_id="ann", occurred_at=now(), review_id="r1",
        product_id="tea", rating=1, text="It leaks.",
    )  # fmt: skip
    events = tmp_path / "events.jsonl"
    events.write_bytes(encode_json(review) + b'\n{"type":"review_posted"}\n')
    with fortress.worker() as log:
        sent = fortress.run("publish", str(events), "--topic=reviews", "--no-validate", user=ADMIN)
        assert sent.returncode == 0, sent.stderr

        def is_known() -> bool:
            return fortress.run("customer", "ann", "--json").returncode == 0

        until(is_known, "the review is in a row")

        # The second line is a dead letter: written with the worker's rights, read with others'.
        listed: list[str] = []

        def is_there() -> bool:
            letters = fortress.run("dead-letters", "list", "--json", user=ADMIN).stdout
            listed[:] = letters.splitlines()
            return bool(listed)

        until(is_there, "the other line is a dead letter")
        assert json.loads(listed[0])["reason"] == "missing_field"
        decided = fortress.run("watch", "--all", "--from-start", "--limit=1", "--json", user=ADMIN)
        assert decided.returncode == 0, decided.stderr
    said = log.read_text()
    assert "not_published" not in said
    assert "keys_not_destroyed" not in said
    assert not [it for it in PASSWORDS.values() if it in said]


WRONG = {
    "kafka's password": ({"kafka_password": "wrong-secret"}, "SASL authentication error", 1),
    "kafka's user": ({"kafka_username": "stranger"}, "SASL authentication error", 1),
    "kafka's mechanism": ({"kafka_sasl_mechanism": "PLAIN"}, "Unsupported SASL mechanism", 1),
    "kafka's authority": ({"kafka_ca_file": "{stranger}"}, "certificate verify failed", 1),
    "no TLS": (
        {"kafka_security": "sasl_plaintext", "kafka_ca_file": ""},
        "EBBTIDE_KAFKA_SECURITY=sasl_plaintext?", 1,
    ),
    "a missing topic": ({"group": "others"}, "missing topics: others-__assignor-__leader", 1),
    "redis's password": ({"redis_password": "wrong-secret"}, "AuthenticationError", 1),
    "redis's rights": (
        {"redis_username": "narrow", "redis_password": "narrow-secret-1"}, "NoPermissionError", 1,
    ),
    "redis's authority": ({"redis_ca_file": "{stranger}"}, "certificate verify failed", 1),
    "a file": ({"kafka_ca_file": "/none.pem"}, "EBBTIDE_KAFKA_CA_FILE: /none.pem", 2),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_is_one_line_and_an_exit_code(fortress: Fortress, what: str) -> None:
    check(fortress, what, "worker")


@pytest.mark.parametrize("what", ["kafka's password", "redis's password", "redis's authority"])
def test_a_command_says_it_as_well(fortress: Fortress, what: str) -> None:
    check(fortress, what, "customer", "ann")


def check(fortress: Fortress, what: str, *words: str) -> None:
    """Run a command with what is wrong: one line, that says it, and keeps the secrets."""
    changes, says, code = WRONG[what]
    stranger = str(fortress.stranger.ca)
    changed = {name: value.replace("{stranger}", stranger) for name, value in changes.items()}
    ended = fortress.run(*words, **changed)
    assert ended.returncode == code, ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert ended.stderr.startswith("ebbtide: ")
    assert says in ended.stderr
    for secret in (*PASSWORDS.values(), "wrong-secret", "narrow-secret-1"):
        assert secret not in ended.stderr + ended.stdout
