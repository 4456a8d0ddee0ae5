"""The signature of a webhook: what receivers' libraries expect, and what nobody can forge."""

import pytest

from streams.webhooks.signature import keys_of, signed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="


def test_it_is_what_the_reference_library_of_standard_webhooks_makes() -> None:
    # standardwebhooks 1.1.0 for Python: Webhook(SECRET).sign(…).
    made = signed(
        keys_of(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_it_changes_with_the_id_the_time_stamp_the_body_and_the_key() -> None:
    made = {
        signed(keys_of(secret), webhook_id, timestamp, body)
        for secret in (SECRET, OTHER)
        for webhook_id in ("a", "b")
        for timestamp in (1, 2)
        for body in (b"{}", b"{ }")
    }
    assert len(made) == 16


def test_while_a_secret_is_replaced_there_are_two_signatures() -> None:
    old, new = (signed(keys_of(it), "a", 1, b"{}") for it in (SECRET, OTHER))
    assert signed(keys_of(f"{SECRET} {OTHER}\n"), "a", 1, b"{}") == f"{old} {new}"


def test_the_prefix_may_be_left_out() -> None:
    assert keys_of(SECRET.removeprefix("whsec_")) == keys_of(SECRET)


@pytest.mark.parametrize(
    ("secret", "complaint"),
    [
        ("", "holds 0 secrets"),
        (f"{SECRET} {SECRET} {SECRET}", "holds 3 secrets"),
        ("whsec_%%%%", "no base64"),
        ("hush-hush", "it lacks whsec_"),
        ("hello", "it lacks whsec_"),
        ("helloyou", "it lacks whsec_, and it holds 6"),
        ("whsec_c2hvcnQ=", "it holds 5"),
        ("whsec_" + "QUJD" * 30, "it holds 90"),
    ],
)
def test_a_secret_that_is_none_is_refused_and_not_repeated(secret: str, complaint: str) -> None:
    with pytest.raises(ValueError) as refused:
        keys_of(secret)
    assert complaint in str(refused.value)
    for word in secret.removeprefix("whsec_").split():
        assert word not in str(refused.value)
