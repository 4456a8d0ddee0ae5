"""`ebbtide report effect`: a table and sentences for people, one object a campaign for programs."""

import json
from pathlib import Path

import pytest
from command_line import NOWHERE, Ebbtide, put_in_place_of_kafka
from counted import FakeCounters

from streams.commands import effect_page


def test_a_campaign_is_shown_with_its_differences_and_what_they_mean(
    ebbtide: Ebbtide, counters: type[FakeCounters]
) -> None:
    code, told, complained = ebbtide("report", "effect")
    assert (code, complained) == (0, "")
    lines = [" ".join(it.split()) for it in told.splitlines()]
    for line in [
        "win_back",
        "sent 1,300 times, held out 510 times",
        "suppressed: cap 4",
        "deferred: quiet_hours 7",
        "2,000 customers sent to, 500 held out (500.0 expected, z = +0.00)",
        "visited 40.00% 38.00% +2.00 points -2.82 to 6.68 +5.3% -7.0% to +19.2%",
        "ordered 25.00% 16.00% +9.00 points 5.07 to 12.54 +56.2% +26.1% to +93.7%",
        "ordered: More customers order because of it: 9.00 points more (5.07 to 12.54).",
        "revenue a customer (EUR): Sending it brought 4.50 EUR more (2.63 EUR to 6.37 EUR) a customer.",
        "return: 2,700.00 EUR (1,577.98 EUR to 3,822.02 EUR)",
        "left over: 2,685.61 EUR (1,563.59 EUR to 3,807.63 EUR)",
        "all campaigns (holdout over all)",
        "No claim: no customer was held out, so there is nothing to compare with: see `gate.holdout` in engine.toml.",
    ]:
        assert line in lines, told
    assert "visited: No claim: the interval (-2.82 to 6.68) crosses zero" in told
    assert "cost: 18.09 EUR (messages 5.75 EUR, coupons redeemed 13.34 EUR, less 1.00 EUR" in told
    assert told.index("win_back") < told.index("all campaigns")
    # Of the holdout over all there are customers and no occasions.
    assert (
        lines[lines.index("all campaigns (holdout over all)") + 1]
        == "20 customers sent to, 0 held out"
    )


def test_a_program_reads_one_object_a_campaign(
    ebbtide: Ebbtide, counters: type[FakeCounters]
) -> None:
    code, told, complained = ebbtide("report", "effect", "--json")
    assert (code, complained) == (0, "")
    internal, first, last = map(json.loads, told.splitlines())
    assert [it["campaign"] for it in (internal, first, last)] == ["churn_alert", "win_back", "*"]
    assert {it["why"] for it in internal["effects"]} == {"not_measured"}
    assert first["occasions"]["suppressed"] == {"cap": 4}
    assert (first["sent"]["customers"], first["held_out"]["customers"]) == (2_000, 500)
    assert {it["measure"]: it["claim"] for it in first["effects"]} == {
        "visited": "none", "ordered": "more", "repeated": "none", "money": "more",
    }  # fmt: skip
    assert first["returns"][0]["cost_cents"] == 575 + 1_334 - 100
    assert first["returns"][0]["extra_cents"] == 270_000
    assert {it["why"] for it in last["effects"]} == {"nobody_held_out"}


def test_one_campaign_can_be_asked_for_alone(
    ebbtide: Ebbtide, counters: type[FakeCounters]
) -> None:
    _, told, _ = ebbtide("report", "effect", "--campaign", "*", "--json")
    assert [json.loads(it)["campaign"] for it in told.splitlines()] == ["*"]
    code, told, complained = ebbtide("report", "effect", "--campaign", "winback")
    assert (code, told) == (1, "")
    assert complained == (
        "ebbtide: campaign 'winback' has counted nothing; there are churn_alert, win_back, *\n"
    )


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_where_nothing_is_counted_it_says_what_to_do(
    ebbtide: Ebbtide, counters: type[FakeCounters], monkeypatch: pytest.MonkeyPatch,
    option: tuple[str, ...],
) -> None:  # fmt: skip
    monkeypatch.setattr(counters, "counted", [{}] * 4)
    code, told, complained = ebbtide("report", "effect", *option)
    assert (code, told) == (0, "")
    assert complained == f"{effect_page.EMPTY}\n"


def test_a_wrong_price_is_exit_code_2_and_names_the_file(
    ebbtide: Ebbtide, counters: type[FakeCounters], tmp_path: Path
) -> None:
    file = tmp_path / "engine.toml"
    for written, mistake in [
        (
            "[effect]\nmargin_share = 3\n",
            "effect.margin_share: Expected `float` <= 1.0, found 3",
        ),
        (
            "[agents.mail]\nmessage_cost_cents = -1\n",
            "agents.mail.message_cost_cents: Expected `float` >= 0.0, found -1",
        ),
    ]:
        file.write_text(written)
        assert ebbtide("report", "effect") == (2, "", f"ebbtide: {file}: {mistake}\n")


def test_a_redis_that_is_not_there_is_one_line(
    ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_place_of_kafka(monkeypatch)
    code, told, complained = ebbtide("report", "effect", "--redis-url", f"redis://{NOWHERE}/0")
    assert (code, told) == (1, "")
    assert complained.startswith("ebbtide: Redis: ConnectionError: ")
    assert complained.count("\n") == 1
