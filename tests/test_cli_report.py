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
        "sent 11,500 times, held out 2,550 times",
        "suppressed: cap 4",
        "deferred: quiet_hours 7",
        "10,000 customers sent to, 2,500 held out (2,500.0 expected, z = +0.00)",
        "visited 40.00% 38.00% +2.00 points -0.14 to 4.12 +5.3% -0.4% to +11.3%",
        "ordered 25.00% 16.00% +9.00 points 7.29 to 10.63 +56.2% +41.9% to +72.0%",
        "ordered: More customers order because of it: 9.00 points more (7.29 to 10.63).",
        "revenue a customer (EUR): Sending it brought 4.50 EUR more (3.67 EUR to 5.33 EUR) a customer.",
        "return: 13,500.00 EUR (10,995.46 EUR to 16,004.54 EUR)",
        "left over: 13,434.06 EUR (10,929.52 EUR to 15,938.60 EUR)",
        "all campaigns (holdout over all)",
        "No claim: no customer was held out, so there is nothing to compare with: see `gate.holdout` in engine.toml.",
    ]:
        assert line in lines, told
    assert "visited: No claim: the interval (-0.14 to 4.12) crosses zero" in told
    assert "cost in the time that counts: 82.95 EUR (messages 26.25 EUR, coupons redeemed" in told
    assert "ever spent, also outside that time: messages 28.75 EUR, coupons redeemed" in told
    assert told.index("win_back") < told.index("all campaigns")
    # Of the holdout over all there are customers and no occasions.
    assert (
        lines[lines.index("all campaigns (holdout over all)") + 1]
        == "20 customers not held out over all, 0 held out"
    )
    assert lines[-1] == effect_page.NO_RETURN


def test_a_program_reads_one_object_a_campaign(
    ebbtide: Ebbtide, counters: type[FakeCounters]
) -> None:
    code, told, complained = ebbtide("report", "effect", "--json")
    assert (code, complained) == (0, "")
    internal, first, last = map(json.loads, told.splitlines())
    assert [it["campaign"] for it in (internal, first, last)] == ["churn_alert", "win_back", "*"]
    assert {it["why"] for it in internal["effects"]} == {"not_measured"}
    assert first["occasions"]["suppressed"] == {"cap": 4}
    assert (first["sent"]["customers"], first["held_out"]["customers"]) == (10_000, 2_500)
    assert {it["measure"]: it["claim"] for it in first["effects"]} == {
        "visited": "none", "ordered": "more", "repeated": "none", "money": "more",
    }  # fmt: skip
    (returned,) = first["returns"]
    assert returned["cost_cents"] == 2_625 + 6_170 - 500
    assert (returned["in_all"]["messages_cents"], returned["extra_cents"]) == (2_875, 1_350_000)
    assert last["returns"] == []
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
    assert complained.endswith("or name another with --redis-url or EBBTIDE_REDIS_URL\n")
    assert complained.count("\n") == 1
