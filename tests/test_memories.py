"""Memories: shown by the names that their agents give them, whatever lies in a row."""

import inspect
import re

import msgspec
import pytest
from msgspec import Raw

from agents.roster import known_agents
from schemas.codec import encode_row
from streams.customer.coupons import KEEP_COUPONS
from streams.customer.memory import memories

AGENTS = known_agents()


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_says_what_it_remembers(name: str) -> None:
    source = inspect.getsource(inspect.getmodule(AGENTS[name]))  # type: ignore[arg-type]
    recalled = set(re.findall(r"\.recall\((\w+)\)", source))
    kind = AGENTS[name].remembers
    assert recalled == ({kind.__name__} if kind else set())


@pytest.mark.parametrize("name", [it for it in AGENTS if AGENTS[it].remembers])
def test_a_blank_memory_is_shown_with_all_its_names(name: str) -> None:
    kind = AGENTS[name].remembers
    assert kind is not None
    shown = memories({name: Raw(encode_row(kind()))})[name]
    assert list(shown) == list(kind.__struct_fields__)
    assert msgspec.json.encode(shown)


def test_a_memory_that_nobody_can_name_is_shown_as_it_lies() -> None:
    assert memories({"retired": Raw(encode_row(["e1", 7]))}) == {"retired": ["e1", 7]}
    # And so is one that its agent would not understand any more.
    assert memories({"churn_alert": Raw(encode_row({"e": 1}))}) == {"churn_alert": {"e": 1}}


def test_who_keeps_coupons_is_known() -> None:
    assert set(KEEP_COUPONS) >= {"first_purchase_offer", "win_back_coupon", "win_back_ladder"}
