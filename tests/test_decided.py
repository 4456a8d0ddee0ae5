"""One decision among all of them: found by its id, or by how that begins, and no other instead."""

import json

import pytest
from msgspec.structs import replace
from recorded import many, on_topic

from streams.commands import decided, terminal


def test_a_whole_id_is_looked_for_until_it_is_found() -> None:
    records = on_topic(many(50))
    third = json.loads(records[2].value())
    rest = iter(records)
    found = decided.search(rest, third["id"], "kafka")
    assert found.decision.customer_id == third["customer_id"]
    assert found.partition == records[2].partition()
    assert len(list(rest)) == len(records) - 3


def test_a_part_of_an_id_is_enough_if_no_other_begins_so() -> None:
    one, two, three = many(4)
    ids = ["ab" * 16, "abababab" + "c" * 24, "abababad" + "c" * 24]
    records = on_topic(
        replace(it, id=name) for it, name in zip((one, two, three), ids, strict=True)
    )
    assert decided.search(records, "abababad", "kafka").decision.id == ids[2]
    # The same record once more is no other one.
    assert decided.search([*records, *records], ids[1][:9], "kafka").decision.id == ids[1]
    with pytest.raises(
        terminal.CommandError, match=r"2 ids begin with abababab: .*Give more of it"
    ):
        decided.search(records, "abababab", "kafka")


def test_an_id_that_is_only_named_in_another_record_is_not_found() -> None:
    one, two = many(3)
    naming = replace(one, evidence=replace(one.evidence, events=(two.id,)))
    with pytest.raises(terminal.CommandError, match="no decision on decisions at kafka has the id"):
        decided.search(on_topic([naming]), two.id, "kafka")


def test_what_is_no_decision_is_passed_over() -> None:
    one, two = many(3)
    records = on_topic([one]) + on_topic([two])
    records[0]._value = two.id.encode()
    assert decided.search(records, two.id, "kafka").decision == two
    assert decided.about(records, two.customer_id) == [two]
