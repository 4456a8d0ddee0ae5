"""What of a history is dirty: told twice it counts once, and what is invalid is kept to be mended."""

from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
from command_line import Ebbtide, FakeKafka
from test_import import lines, order, sent

from schemas.dead_letter import Refusal

BROKEN = b'{"type":"order_paid","customer_id":"ann"}'


def rejected(path: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(it) for it in path.read_bytes().splitlines()]


def test_what_is_told_twice_counts_once_and_is_said(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(order(10), order(20), order(10)))
    (tmp_path / "b.jsonl").write_bytes(lines(order(20), order(10, "bob"), order(30)))
    files = [str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")]
    code, told, _ = ebbtide("import", *files, "--json")
    done = msgspec.json.decode(told)
    assert (code, done["imported"], done["repeated"]) == (0, 4, 2)
    assert done["by_type"] == {"order_placed": 4}
    assert [it.event.event_id for it in sent(fake_kafka)] == [
        "order-ann-30", "order-ann-20", "order-ann-10", "order-bob-10",
    ]  # fmt: skip
    _, told, _ = ebbtide("import", *files)
    assert "2 lines left out" in told
    # The same files are the same import, event by event.
    first, again = sent(fake_kafka)[:4], sent(fake_kafka)[4:]
    assert [it.source for it in first] == [it.source for it in again]


def test_two_facts_whose_short_hashes_meet_are_told_apart(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path, monkeypatch: Any
) -> None:
    def short(content: bytes = b"", digest_size: int = 8) -> Any:
        return blake2b(b"" if content.startswith(b"[") else content, digest_size=digest_size)

    monkeypatch.setattr("streams.commands.importing.blake2b", short)
    file = tmp_path / "a.jsonl"
    file.write_bytes(lines(order(10), order(20), order(10), order(30), order(20)))
    _, told, _ = ebbtide("import", str(file), "--json")
    assert msgspec.json.decode(told)["repeated"] == 2
    assert len(sent(fake_kafka)) == 3


def test_invalid_lines_are_kept_beside_the_file_with_what_to_do(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path
) -> None:
    file = tmp_path / "orders.jsonl"
    file.write_bytes(lines(order(10)) + BROKEN + b"\n\xff\xfe\n" + lines(order(5)))
    code, told, _ = ebbtide("import", str(file), "--skip-invalid")
    kept = tmp_path / "orders.jsonl.rejects"
    assert (code, len(sent(fake_kafka))) == (1, 2)
    assert f"ebbtide import {kept}" in told.replace("\n", "")
    one, two = rejected(kept)
    assert (one["file"], one["line"], one["reason"]) == (str(file), 2, "unknown_type")
    assert (one["text"], one["hint"]) == (BROKEN.decode(), Refusal("unknown_type", "").hint)
    assert (two["line"], two["text_base64"]) == (3, "//4=")
    assert kept.stat().st_mode & 0o077 == 0


def test_mended_lines_are_imported_and_the_others_are_not_counted_again(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path
) -> None:
    file, kept = tmp_path / "orders.jsonl", tmp_path / "orders.jsonl.rejects"
    file.write_bytes(lines(order(10)) + BROKEN + b"\n" + b"{\n")
    ebbtide("import", str(file), "--skip-invalid")
    mended = kept.read_bytes().replace(
        msgspec.json.encode(BROKEN.decode()), msgspec.json.encode(lines(order(7)).decode())
    )
    kept.write_bytes(mended)
    code, told, complained = ebbtide("import", str(kept), "--skip-invalid", "--json")
    done = msgspec.json.decode(told)
    assert (code, done["imported"], done["invalid"]) == (1, 1, 1)
    assert f"{file}:3: not_json" in complained  # Where it stood in the first place.
    assert [it.event.event_id for it in sent(fake_kafka)] == ["order-ann-10", "order-ann-7"]
    assert [it["line"] for it in rejected(tmp_path / "orders.jsonl.rejects.rejects")] == [3]
    ebbtide("import", str(kept), "--skip-invalid")
    sources = [it.source for it in sent(fake_kafka)]
    assert sources[1] == sources[2] != sources[0]


def test_a_file_of_rejects_is_never_written_over(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path
) -> None:
    file, kept = tmp_path / "orders.jsonl", tmp_path / "orders.jsonl.rejects"
    file.write_bytes(lines(order(10)) + BROKEN + b"\n")
    ebbtide("import", str(file), "--dry-run")
    before = kept.read_bytes()
    code, _, _ = ebbtide("import", str(file), "--skip-invalid")  # It says the same, and may stay.
    assert (code, kept.read_bytes()) == (1, before)
    kept.write_bytes(before + b"\n")
    count = len(sent(fake_kafka))
    code, _, complained = ebbtide("import", str(file), "--skip-invalid")
    assert (code, kept.read_bytes()) == (1, before + b"\n")
    assert "is there already" in complained
    assert len(sent(fake_kafka)) == count
    code, _, _ = ebbtide(
        "import", str(file), "--skip-invalid", "--rejects", str(tmp_path / "other")
    )
    assert (tmp_path / "other").read_bytes() == before


def test_where_all_is_valid_there_is_no_file_of_rejects(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(order(10)))
    ebbtide("import", str(tmp_path / "a.jsonl"))
    assert [it.name for it in tmp_path.iterdir()] == ["a.jsonl"]
