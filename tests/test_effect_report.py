"""The report: what counters say is what raw lists say, and what cannot be known is not claimed."""

from math import sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from state.exposure import ALL_CAMPAIGNS
from state.outcome import SQUARES_LOW
from streams.effect.counts import Arm, Counts, Coupons, Occasions, Spent, added, counts_of
from streams.effect.intervals import Interval, Share, Sums, newcombe, welch
from streams.effect.judge import report_of, split_of
from streams.effect.report import Effect, Report
from streams.effect.returns import InAll
from streams.effect.settings import EffectSettings, Prices
from streams.effect.verdict import BUYERS_MIN

#: What one customer did: whether they came, and what each of their orders paid, or took back.
CUSTOMERS = st.lists(
    st.tuples(st.booleans(), st.lists(st.integers(-(10**9), 10**12), max_size=4)),
    min_size=2,
    max_size=30,
)
Customers = list[tuple[bool, list[int]]]

# A campaign in which 50 of a hundred order instead of 40; the arms are as large as they should be.
GOOD = Counts(
    campaign="win_back",
    sent=Arm(
        customers=3_000, visited=1_500, ordered=1_500, repeated=420, orders=1_920,
        money={"EUR": 1_920 * 5_000}, squares={"EUR": 1_080 * 5_000**2 + 420 * 10_000**2},
    ),
    held_out=Arm(
        customers=1_000, visited=500, ordered=400, repeated=100, orders=500,
        money={"EUR": 500 * 5_000}, squares={"EUR": 300 * 5_000**2 + 100 * 10_000**2},
    ),
    expected_millionths=1_000 * 10**6, variance_millionths=750 * 10**6,
    spent=Spent(messages=3_200), messages=3_400,
)  # fmt: skip


def report(counts: Counts, cost_cents: float = 0.0, **settings: Any) -> Report:
    return report_of(counts, Prices(EffectSettings(**settings), {"win_back": cost_cents}))


def dealt(counts: Counts, *shares: tuple[int, float]) -> Counts:
    """With what the gate expects of so many customers, dealt out by such a share."""
    return replace(
        counts,
        expected_millionths=sum(n * round(p * 10**6) for n, p in shares),
        variance_millionths=sum(n * round(p * (1 - p) * 10**6) for n, p in shares),
    )


def effects(counts: Counts) -> dict[str, Effect]:
    return {it.measure: it for it in report(counts).effects}


def counted(arm: str, customers: Customers) -> dict[str, int]:
    """What the gate counts of these customers, one after the other."""
    found: dict[str, int] = {}
    for visited, orders in customers:
        high, low = divmod(sum(orders) ** 2, SQUARES_LOW)
        for name, by in {
            "customers": 1, "visited": int(visited), "ordered": int(bool(orders)),
            "repeated": int(len(orders) > 1), "orders": len(orders), "money/EUR": sum(orders),
            "squares_high/EUR": high, "squares_low/EUR": low,
        }.items():  # fmt: skip
            key = f"effect/win_back/{arm}/{name}"
            found[key] = found.get(key, 0) + by
    return found


@given(CUSTOMERS, CUSTOMERS)
def test_a_report_from_counters_is_that_of_the_raw_lists(
    sent: Customers, held_out: Customers
) -> None:
    (counts,) = counts_of(added([counted("sent", sent), counted("held_out", held_out)]))
    found = effects(counts)
    paid = [[sum(orders) for _, orders in it] for it in (sent, held_out)]
    one, other = (Sums(len(it), sum(it), sum(cents * cents for cents in it)) for it in paid)
    assert found["money"].sent == sum(paid[0]) / len(paid[0])
    assert found["money"].interval == welch(one, other)
    came, come = (Share(sum(visited for visited, _ in it), len(it)) for it in (sent, held_out))
    assert found["visited"].interval == newcombe(came, come)
    again = [Share(sum(len(orders) > 1 for _, orders in it), len(it)) for it in (sent, held_out)]
    assert found["repeated"].uplift == again[0].rate - again[1].rate


def test_counters_are_read_by_campaign_and_the_holdout_over_all_comes_last() -> None:
    found = counts_of(
        {
            "effect/*/sent/customers": 2, "gate/zeal/suppressed/cap": 3, "gate/zeal/sent/passed": 4,
            "gate/a/merged/priority": 1, "money/a/handed_out/EUR": 5, "cost/a/sent": 6,
            "effect/a/sent/messages": 12, "effect/a/sent/redeemed/EUR": 13,
            "effect/a/sent/returned/EUR": 14, "money/a/redeemed/EUR": 15,
            "effect/a/expected/mean": 7, "effect/a/expected/variance": 8, "effect/a/of/the/future": 9,
            "records/page_viewed/applied": 10, "decisions/churn_alert/sent": 11,
        }
    )  # fmt: skip
    assert [it.campaign for it in found] == ["a", "zeal", ALL_CAMPAIGNS]
    assert (found[0].messages, found[0].coupons) == (6, Coupons({"EUR": 5}, {"EUR": 15}))
    assert found[0].spent == Spent(12, {"EUR": 13}, {"EUR": 14})
    assert (found[0].expected_millionths, found[0].variance_millionths) == (7, 8)
    assert found[0].occasions.merged == {"priority": 1}
    assert (found[1].occasions.sent, found[1].occasions.suppressed) == (4, {"cap": 3})


# Claims --------------------------------------------------------------------------------------------


def test_an_effect_that_is_clear_of_chance_is_claimed() -> None:
    found = effects(GOOD)
    assert (found["ordered"].claim, found["money"].claim) == ("more", "more")
    assert found["ordered"].verdict == (
        "More customers order because of it: 10.00 points more (6.45 to 13.49)."
    )
    assert found["money"].verdict == (
        "Sending it brought 7.00 EUR more (4.56 EUR to 9.44 EUR) a customer."
    )
    assert (found["visited"].claim, found["visited"].why) == ("none", "crosses_zero")


def test_harm_is_claimed_as_well() -> None:
    found = effects(replace(GOOD, sent=replace(GOOD.sent, ordered=1_020)))
    assert found["ordered"].claim == "less"
    assert found["ordered"].verdict.startswith("Fewer customers order because of it: 6.00 points")


@pytest.mark.parametrize(
    ("counts", "why", "said"),
    [
        (replace(GOOD, held_out=Arm(), expected_millionths=0, variance_millionths=0),
         "nobody_held_out", "no customer was held out"),
        (Counts(campaign="win_back", occasions=Occasions(suppressed={"cap": 9})),
         "nothing_sent", "nothing has been sent to anybody"),
        (Counts(campaign="win_back", occasions=Occasions(sent=9)),
         "not_measured", "nobody is compared. Either no share"),
        (replace(GOOD, held_out=replace(GOOD.held_out, customers=900)),
         "arms_differ", "900 customers held out, where the hash should give 1,000, z = -3.7"),
        (dealt(replace(GOOD, held_out=Arm(customers=99)), (3_099, 0.032)),
         "few_customers", "3,000 customers sent to and 99 held out are too few"),
        (dealt(GOOD, (3_000, 0.05), (1_000, 0.85)),
         "shares_changed", "the share held out was not the same for all its customers"),
    ],
    ids=["nobody-held-out", "nothing-sent", "not-measured", "arms-differ", "too-few", "shares"],
)  # fmt: skip
def test_nothing_is_claimed_of_a_campaign_whose_arms_cannot_be_compared(
    counts: Counts, why: str, said: str
) -> None:
    found = report(counts)
    assert {(it.claim, it.why) for it in found.effects} == {("none", why)}
    assert all(it.verdict.startswith(f"No claim: {said}") for it in found.effects)
    assert all(it.extra_cents is None for it in found.returns)


def test_of_money_nothing_is_claimed_while_few_have_paid() -> None:
    found = effects(replace(GOOD, held_out=replace(GOOD.held_out, ordered=BUYERS_MIN - 1)))
    assert (found["money"].claim, found["money"].why) == ("none", "few_buyers")
    assert found["ordered"].claim == "more"


def test_an_interval_just_clear_of_zero_is_no_claim_where_four_things_were_asked() -> None:
    # z is about 2.2: clear at 5 %, and not at a quarter of that.
    found = effects(replace(GOOD, sent=replace(GOOD.sent, visited=1_620)))
    assert found["visited"].interval is not None
    assert not found["visited"].interval.has_zero
    assert (found["visited"].claim, found["visited"].why) == ("none", "many_questions")


def test_arms_of_the_size_that_the_hash_gives_are_no_mismatch() -> None:
    for held_out, off in ((1_000, False), (1_090, False), (910, False), (1_091, True), (909, True)):
        split = split_of(replace(GOOD, held_out=replace(GOOD.held_out, customers=held_out)))
        assert split.z == (held_out - 1_000) / sqrt(750)
        assert split.is_off == off
        assert split.p is not None
        assert (split.p < 0.001) == off


def test_somebody_held_out_without_a_holdout_is_a_mismatch() -> None:
    assert split_of(replace(GOOD, variance_millionths=0)).is_off
    assert not split_of(replace(GOOD, held_out=Arm(), variance_millionths=0)).is_off


@given(st.integers(1, 10**6), st.floats(1e-6, 1 - 1e-6))
def test_customers_dealt_out_by_one_share_are_never_taken_for_more(n: int, share: float) -> None:
    counts = Counts(campaign="win_back", sent=Arm(customers=n))
    assert not split_of(dealt(counts, (n, share))).shares_changed


@pytest.mark.parametrize("then", [0.04, 0.06, 0.5])
def test_a_share_that_was_changed_on_the_way_is_noticed(then: float) -> None:
    # In the first weeks one of ten orders, before Christmas one of five; sent or not.
    second = round(4_000 * then)
    held_out = Arm(customers=1_000 + second, ordered=100 + second // 5)
    sent = Arm(customers=24_000 - held_out.customers, ordered=1_900 + (4_000 - second) // 5)
    counts = Counts(campaign="spring", sent=sent, held_out=held_out)
    found = report(dealt(counts, (20_000, 0.05), (4_000, then)))
    assert {it.why for it in found.effects} == {"shares_changed"}


def test_whose_share_has_changed_is_told_how_to_begin_anew_if_that_can_be() -> None:
    changed = dealt(GOOD, (3_000, 0.05), (1_000, 0.85))
    (said,) = {it.verdict for it in report(changed).effects}
    assert said.endswith(
        "Give the campaign another name (`campaign` in engine.toml) to begin anew."
    )
    (said,) = {it.verdict for it in report(replace(changed, campaign=ALL_CAMPAIGNS)).effects}
    assert said.endswith("It cannot begin anew: judge the campaigns one by one.")


def test_more_may_go_back_than_was_paid_and_then_there_is_no_part_of_it() -> None:
    back = replace(GOOD.held_out, money={"EUR": -20_000}, squares={"EUR": 10**9})
    found = effects(replace(GOOD, held_out=back))["money"]
    assert (found.held_out, found.uplift) == (-20.0, 3_200 + 20.0)
    assert (found.relative, found.relative_interval, found.claim) == (None, None, "more")


# Cost and return -----------------------------------------------------------------------------------


def test_cost_is_messages_and_coupons_and_return_is_the_margin_of_the_uplift() -> None:
    spent = Spent(3_400, {"EUR": 20_000}, {"EUR": 1_500})
    counts = replace(GOOD, spent=spent)
    (found,) = report(counts, margin_share=0.25, cost_cents=0.5).returns
    uplift = effects(counts)["money"].interval
    assert isinstance(uplift, Interval)
    assert (found.messages_cents, found.cost_cents) == (1_700, 1_700 + 20_000 - 1_500)
    assert found.extra_cents == 700 * 3_000 // 4
    assert found.extra_low_cents == round(uplift.low * 3_000 / 4)
    # Three quarters of the coupons: the last one has lowered the margin of what was paid.
    rest = 1_700 + round(18_500 * 0.75)
    assert found.net_cents == found.extra_cents - rest
    assert found.net_high_cents == round(uplift.high * 3_000 / 4) - rest


def test_what_was_spent_when_revenue_did_not_count_is_told_and_not_taken_off() -> None:
    # A mail each week for years, and revenue of the first weeks.
    later = replace(
        GOOD, messages=340_000, coupons=Coupons({"EUR": 90_000}, {"EUR": 50_000}, {"EUR": 700})
    )
    (found,), (before,) = (report(it, cost_cents=0.5).returns for it in (later, GOOD))
    assert found.in_all == InAll(
        messages_cents=170_000, handed_out_cents=90_000, redeemed_cents=50_000, returned_cents=700
    )
    assert replace(found, in_all=before.in_all) == before
    assert (before.extra_cents, before.net_cents) == (2_100_000, 2_100_000 - 1_600)


def test_of_all_campaigns_together_there_is_no_return() -> None:
    together = report(replace(GOOD, campaign=ALL_CAMPAIGNS))
    assert together.returns == []
    assert {it.claim for it in together.effects} == {"more", "none"}


def test_messages_are_paid_in_the_only_currency_or_in_the_one_that_is_set() -> None:
    two = replace(GOOD, coupons=Coupons({"GBP": 500}))
    alone = report(GOOD, cost_cents=1.0).returns
    assert [(it.currency, it.messages_cents) for it in alone] == [("EUR", 3_200)]
    chosen = report(two, cost_cents=1.0, currency="GBP").returns
    assert [(it.currency, it.messages_cents) for it in chosen] == [("EUR", 0), ("GBP", 3_200)]
    unsaid = report(two, cost_cents=1.0).returns
    assert [(it.currency, it.messages_cents) for it in unsaid] == [
        ("", 3_200),
        ("EUR", 0),
        ("GBP", 0),
    ]
