"""`ebbtide publish`: a line is sent, or reported with its place, the reason and what to do."""

import json
import re
from pathlib import Path

import pytest
from command_line import Ebbtide, FakeKafka

GOOD = '{"type":"page_viewed","event_id":"e1","anonymous_id":"7","occurred_at":1768896000000}'
ORDER = (
    '{"type":"order_placed","event_id":"e2","customer_id":"ann","occurred_at":"2026-01-20T08:00:00Z",'
    '"order_id":"o1","currency":"EUR","products":[{"product_id":"p1","price_cents":%s}]}'
)
LINES = [
    GOOD,
    "",
    ORDER % "19.99",
    GOOD.replace("page_viewed", "page_vieved"),
    "not json",
    GOOD.replace("1768896000000", '"2026-01-20T08:00:00"'),
    GOOD.replace("1768896000000", "4000000000000"),
    GOOD.replace('"anonymous_id":"7",', ""),
    '{"type":"tick","at":1768896000000}',
    ORDER % "1999",
]


def test_publish_sends_the_good_lines_and_reports_the_others_by_line(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    # No line end at the end, and one of another system's.
    file.write_text("\n".join([LINES[0] + "\r", *LINES[1:]]))
    code, told, complained = ebbtide("publish", str(file))
    assert code == 1
    sent = [(it.topic, it.key, it.value) for it in fake_kafka.sent]
    assert sent == [
        ("clickstream", b"anon:7", GOOD.encode()),
        ("orders", b"ann", (ORDER % "1999").encode()),
    ]
    reasons = {
        int(number): reason
        for number, reason in re.findall(r"events\.jsonl:(\d+): (\w+): ", complained)
    }
    assert reasons == {
        3: "invalid_field", 4: "unknown_type", 5: "not_json", 6: "zone_missing",
        7: "from_the_future", 8: "no_customer", 9: "unknown_type",
    }  # fmt: skip
    assert complained.splitlines()[0] == (
        f"{file}:3: invalid_field: Expected `int`, got `float` - at `$.products[0].price_cents`."
        " Correct the field at the path given."
    )
    assert told.startswith("2 events sent in ")
    assert "7 lines not sent: " in told


def test_publish_counts_for_a_program(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(LINES))
    code, told, _ = ebbtide("publish", "--json", str(file))
    summary = json.loads(told)
    assert (code, summary["sent"], summary["invalid"]) == (1, 2, 7)
    assert summary["by_topic"] == {"clickstream": 1, "orders": 1}
    assert summary["refused"][0] == {
        "file": str(file), "line": 3, "reason": "invalid_field",
        "detail": "Expected `int`, got `float` - at `$.products[0].price_cents`",
        "hint": "Correct the field at the path given.",
    }  # fmt: skip


def test_publish_sends_lines_as_they_are_if_told_so(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text("not json\n\n")
    code, *_ = ebbtide("publish", str(file), "--no-validate", "--topic", "reviews")
    assert code == 0
    assert [(it.topic, it.key, it.value) for it in fake_kafka.sent] == [
        ("reviews", None, b"not json"),
        ("reviews", None, b""),
    ]


def test_publish_takes_lines_that_are_longer_than_what_is_read_at_once(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path
) -> None:
    long = GOOD.replace("}", f',"url":"{"x" * 2_000}"' + ',"more":"' + "y" * 200_000 + '"}')
    file = tmp_path / "events.jsonl"
    file.write_text(f"{long}\n{GOOD}\n{long}\n{long}")
    code, *_ = ebbtide("publish", str(file))
    assert code == 0
    assert [len(it.value) for it in fake_kafka.sent] == [len(long), len(GOOD), len(long), len(long)]


@pytest.mark.parametrize(
    ("arguments", "mistake"),
    [
        ([], "publish what? Name files of JSON lines, or - for stdin"),
        (["a", "--topic", "orders"], "--topic goes with --no-validate: else `type` decides the topic"),
        (["a", "--no-validate"], "--no-validate goes with --topic, which says where to send"),
    ],
    ids=["nothing", "topic", "no-validate"],
)  # fmt: skip
def test_publish_says_which_options_go_together(
    ebbtide: Ebbtide, arguments: list[str], mistake: str
) -> None:
    assert ebbtide("publish", *arguments) == (2, "", f"ebbtide: {mistake}\n")


def test_publish_names_a_file_that_is_not_there_before_it_sends_anything(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(GOOD)
    missing = tmp_path / "no.jsonl"
    code, told, complained = ebbtide("publish", str(file), str(missing))
    assert (code, told) == (1, "")
    assert complained == f"ebbtide: {missing}: there is no such file\n"
    assert fake_kafka.sent == []
