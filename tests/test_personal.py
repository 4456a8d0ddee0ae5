"""What is personal: taken out whole, put back as it was, and read by nobody without the key."""

from datetime import date
from typing import get_type_hints

import msgspec
import pytest
from any_event import EVENT_TYPES, AnyEvent
from hypothesis import given
from hypothesis import strategies as st

from schemas.clickstream import PageViewed, ProductViewed
from schemas.codec import DAMAGE, decode_record, encode_json
from schemas.journal import KEY_ID_LENGTH, Entry, Source
from schemas.orders import OrderPlaced
from schemas.personal import PERSONAL, closed, personal_in, together, without, written
from schemas.profiles import ProfileUpdated
from streams.privacy.cipher import Cipher, Damaged, PrivacyError, seal, unseal
from streams.privacy.key_log import record_of, said, told, tombstones

AT = 1_768_896_000_000
SECRET = "a-long-random-text-for-the-tests-only"

#: Longer than any id or name of the shop's, and not personal all the same, each with its reason.
NOT_PERSONAL: dict[tuple[str, str], str] = {}


def profile(who: str = "ann") -> ProfileUpdated:
    return ProfileUpdated(
        event_id="e1", customer_id=who, occurred_at=AT, birthday=date(1984, 2, 29),
        traits={"name": "Rosalind"}, time_zone="Europe/Berlin", country="DE",
    )  # fmt: skip


# Which fields


def test_a_field_for_free_text_is_personal() -> None:
    told = {
        (kind.__name__, field.name)
        for kind in EVENT_TYPES
        for field in msgspec.structs.fields(kind)
        if _is_free(field.type)
    }
    personal = {(kind.__name__, name) for kind, names in PERSONAL.items() for name in names}
    assert told - NOT_PERSONAL.keys() <= personal
    assert told


def _is_free(kind: object) -> bool:
    """Whether it takes any text longer than a name, words of the shop's own choice, or a day."""
    schema = str(msgspec.json.schema(kind))
    long = any(f"'maxLength': {it}" in schema for it in (2_048, 10_000))
    return long or "'additionalProperties'" in schema or "'format': 'date'" in schema


def test_a_neutral_value_is_what_an_event_without_the_field_has() -> None:
    for kind, names in PERSONAL.items():
        assert names.keys() <= get_type_hints(kind).keys()
        for field in msgspec.structs.fields(kind):
            if field.name in names and not field.required:
                default = field.default
                if default is msgspec.NODEFAULT:
                    assert callable(field.default_factory)
                    default = field.default_factory()
                assert default == names[field.name]


def test_most_events_hold_nothing_personal() -> None:
    view = ProductViewed(event_id="e", customer_id="ann", occurred_at=AT, product_id="tea")
    assert personal_in(view) == {}
    assert personal_in(PageViewed(event_id="e", customer_id="ann", occurred_at=AT)) == {}
    assert OrderPlaced not in PERSONAL


# Out and in again


@given(seed=st.randoms(use_true_random=False))
def test_what_is_taken_out_is_put_back_as_it_was(seed: object) -> None:
    event = AnyEvent(seed).draw()  # type: ignore[arg-type]
    values = personal_in(event)
    bare = without(event, values)
    assert personal_in(bare) == {}
    assert together(bare, written(values)) == event


@given(text=st.text(max_size=200), name=st.text(min_size=1, max_size=64))
def test_what_is_sealed_is_read_with_the_key_and_with_no_other(text: str, name: str) -> None:
    cipher = Cipher(SECRET)
    event = PageViewed(event_id=name, customer_id="ann", occurred_at=AT, url=text)
    (key, kept), (other, _) = cipher.new_key("ann"), cipher.new_key("ann")
    sealed = seal(key, event, written({"url": text}))
    again = Cipher(SECRET).unwrap("ann", kept.id, kept.wrapped)
    assert together(event, unseal(again, event, sealed)) == event
    with pytest.raises(Damaged):
        unseal(other, event, sealed)


def test_what_is_sealed_is_bound_to_its_customer_and_its_event() -> None:
    key, _ = Cipher(SECRET).new_key("ann")
    sealed = seal(key, profile(), b"{}")
    assert unseal(key, profile(), sealed) == b"{}"
    other = msgspec.structs.replace(profile(), event_id="e2")
    for it in (profile("bob"), other, msgspec.structs.replace(profile("an"), event_id="ne1")):
        with pytest.raises(Damaged):
            unseal(key, it, sealed)


@pytest.mark.parametrize("at", range(0, 60, 7))
def test_a_changed_character_is_seen(at: int) -> None:
    key, _ = Cipher(SECRET).new_key("ann")
    sealed = seal(key, profile(), written(personal_in(profile())))
    place = KEY_ID_LENGTH + at
    changed = sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :]
    for it in (changed, sealed[:place], sealed + "!"):
        with pytest.raises(Damaged):
            unseal(key, profile(), it)


def test_the_same_text_never_looks_the_same() -> None:
    key, _ = Cipher(SECRET).new_key("ann")
    assert len({seal(key, profile(), b"{}") for _ in range(100)}) == 100


# Keys


def test_a_key_is_of_no_use_under_another_master_key_or_name() -> None:
    _, kept = Cipher(SECRET).new_key("ann")
    for cipher, who, key_id in (
        (Cipher(SECRET + "!"), "ann", kept.id),
        (Cipher(SECRET), "bob", kept.id),
        (Cipher(SECRET), "ann", "another1"),
    ):
        with pytest.raises(PrivacyError, match="EBBTIDE_PRIVACY_KEY is not the one"):
            cipher.unwrap(who, key_id, kept.wrapped)


def test_a_key_that_is_forgotten_is_not_remembered() -> None:
    cipher = Cipher(SECRET)
    _, kept = cipher.new_key("ann")
    assert kept.wrapped in cipher._cached
    cipher.forget(kept.wrapped)
    assert kept.wrapped not in cipher._cached


def test_not_all_keys_are_remembered() -> None:
    cipher = Cipher(SECRET)
    for _ in range(10_010):
        cipher.new_key("ann")
    assert len(cipher._cached) == 10_000


@given(who=st.text(min_size=1, max_size=128))
def test_a_record_of_the_topic_says_a_key_and_its_end(who: str) -> None:
    _, kept = Cipher(SECRET).new_key(who)
    record = record_of(3, who, kept)
    [gone] = tombstones(3, {who: kept.id})
    assert (record.key, record.partition) == (gone.key, gone.partition)
    its, end = said(record.key, record.value), said(gone.key, gone.value)
    assert its is not None
    assert end is not None
    assert (its.customer_id, its.key_id, its.wrapped) == (who, kept.id, kept.wrapped)
    assert end.wrapped is None
    assert told(7, [its]).keys == [(who, kept)]
    assert (told(7, [its, end]).keys, told(7, [its, end]).destroyed) == ([], {who: kept.id})


@pytest.mark.parametrize(
    ("name", "value"),
    [(None, None), (b"ann", None), (b"ann/short", None), (b"\xff/abcdefgh", None), (b"ann/abcdefgh", b"?"),
     (b"ann/abcdefgh", b"c2hvcnQ=")],
)  # fmt: skip
def test_what_others_write_there_is_passed_over(name: bytes | None, value: bytes | None) -> None:
    assert said(name, value) is None


# In the journal


def test_an_entry_without_anything_sealed_reads_as_before() -> None:
    entry = Entry(profile(), Source("profiles", 0, 1, AT))
    assert b"sealed" not in encode_json(entry)
    assert b"destroys" not in encode_json(entry)
    assert decode_record(encode_json(entry)) == entry


def test_an_entry_is_closed_where_its_key_is_condemned() -> None:
    entry = Entry(profile(), Source("profiles", 0, 1, AT), sealed="abcdefgh…")
    assert closed(entry, {}) is entry
    assert closed(entry, {"bob": "abcdefgh", "ann": "ijklmnop"}) is entry
    bare = closed(entry, {"ann": "ijklmnopabcdefgh"}).event
    assert personal_in(bare) == {}
    assert (bare.time_zone, bare.country) == ("Europe/Berlin", "DE")  # type: ignore[union-attr]


def test_what_was_personal_once_is_put_back_all_the_same() -> None:
    bare = profile()
    assert together(bare, b'{"country":"FR","shoe_size":43}').country == "FR"  # type: ignore[attr-defined]
    with pytest.raises(DAMAGE):
        together(bare, b'{"birthday":"soon"}')
