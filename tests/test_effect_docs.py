"""docs/effect.md: its example is what the command prints, its words and limits are the code's."""

import re
from typing import get_args

import pytest
from command_line import Ebbtide
from counted import FakeCounters
from pages import blocks, page, rows, section

from streams.effect import report, verdict

PAGE = page("docs/effect.md")


def test_the_example_is_what_the_command_prints(
    ebbtide: Ebbtide, counters: type[FakeCounters]
) -> None:
    (example,) = blocks(section(PAGE, "## How to read the report"), "text")
    _, told, _ = ebbtide("report", "effect", "--campaign", "win_back")
    assert [line.rstrip() for line in told.splitlines()] == example.splitlines()


def test_every_reason_for_no_claim_is_explained() -> None:
    explained = {cells[0].strip("`") for cells in rows(section(PAGE, '## What "no claim" means'))}
    assert explained == {it for it in get_args(report.Why) if it}


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    text = re.sub(r"\s+", " ", PAGE)
    assert f"Fewer than {verdict.CUSTOMERS_MIN} customers in an arm" in text
    assert f"Fewer than {verdict.BUYERS_MIN} customers who ordered" in text
    assert f"|z| > {report.MISMATCH_Z}" in text


@pytest.mark.parametrize("name", ["customers", "visited", "ordered", "repeated", "orders"])
def test_every_count_of_an_arm_is_on_the_page(name: str) -> None:
    assert f"`effect/<campaign>/<arm>/{name}`" in PAGE
