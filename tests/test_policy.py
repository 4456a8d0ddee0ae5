"""The policy: what engine.toml makes of the engine, and what of it could never work."""

from pathlib import Path

import pytest

from config.settings import ConfigError, load_settings
from streams.bootstrap import Policy, load_policy

ALERT = "[agents.churn_alert]\npurpose = 'internal'\n"


def policy_of(tmp_path: Path, text: str, **secrets: str) -> Policy:
    file = tmp_path / "engine.toml"
    file.write_text(text)
    return load_policy(load_settings({}, config=str(file), **secrets))


def test_who_holds_nobody_out_and_gives_no_coupons_needs_no_secret(tmp_path: Path) -> None:
    internal = "[agents.churn_alert]\npurpose = 'internal'\n"
    policy_of(tmp_path, internal)
    nobody = "[gate.holdout]\nshare = 0\nover_all = 0\n[agents.abandoned_cart]\n"
    policy_of(tmp_path, nobody)
    with pytest.raises(ConfigError, match="EBBTIDE_HOLDOUT_KEY is not set"):
        policy_of(tmp_path, "[agents.abandoned_cart]\n")
    own_share = "[agents.abandoned_cart]\nholdout_share = 0.1\n"
    with pytest.raises(ConfigError, match="EBBTIDE_HOLDOUT_KEY is not set"):
        policy_of(tmp_path, nobody.removesuffix("[agents.abandoned_cart]\n") + own_share)


def test_the_holdout_s_key_is_derived_from_the_coupons_unless_it_has_one(tmp_path: Path) -> None:
    text = "[agents.abandoned_cart]\n"
    derived = policy_of(tmp_path, text, coupon_key="secret").gate.holdout.key
    assert derived not in ("secret", "development")
    assert policy_of(tmp_path, text, coupon_key="other").gate.holdout.key != derived
    assert policy_of(tmp_path, text, holdout_key="own", coupon_key="x").gate.holdout.key == "own"


@pytest.mark.parametrize(
    ("setting", "mistake"),
    [
        ("after = 'chrun_alert'", "agents.win_back_coupon.after: no other agent that is on says"),
        ("after = 'win_back_coupon'", "they say churn_alert"),
        ("value_cents_min = 3000", "value_cents_min is 3000, more than value_cents_max"),
        ("share = -3.0", "Expected `float` >= 0"),
        ("valid_days = 0", "Expected `float` > 0.0"),
        ("budget_cents = {eur = 50000}", "Expected `str` matching regex"),
        ("budget_days = 0", "Expected `float` > 0.0"),
    ],
)
def test_a_coupon_that_could_never_be_handed_out_stops_the_start(
    tmp_path: Path, setting: str, mistake: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        policy_of(tmp_path, f"{ALERT}[agents.win_back_coupon]\n{setting}\n", coupon_key="x")
    assert mistake in str(refused.value)


@pytest.mark.parametrize("agent", ["first_purchase_offer", "win_back_coupon", "win_back_ladder"])
def test_every_agent_that_makes_codes_gets_the_key_and_none_from_the_file(
    tmp_path: Path, agent: str
) -> None:
    text = f"{ALERT}[agents.{agent}]\n"
    policy = policy_of(tmp_path, text, coupon_key="secret")
    (made,) = [it for it in policy.agents if it.name == agent]
    assert made.code_key == "secret"  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="EBBTIDE_COUPON_KEY is not set"):
        policy_of(tmp_path, text)
    with pytest.raises(ConfigError, match=f"agents.{agent}.code_key is a secret"):
        policy_of(tmp_path, f"{text}code_key = 'x'\n", coupon_key="secret")


def test_a_step_that_nobody_can_take_stops_the_start(tmp_path: Path) -> None:
    text = "[agents.won_back]\nfollows = ['win_back_remainder']\n"
    with pytest.raises(ConfigError, match=r"agents\.won_back\.follows: no trigger of kind"):
        policy_of(tmp_path, text)


def test_a_budget_whose_part_is_less_than_a_coupon_is_named(tmp_path: Path) -> None:
    text = f"{ALERT}[agents.win_back_coupon]\nbudget_cents = {{EUR = 20000, USD = 40000}}\n"
    policy = policy_of(tmp_path, text, coupon_key="x")
    assert policy.tight_budgets(12) == ["agents.win_back_coupon.budget_cents.EUR"]
    assert policy.tight_budgets(1) == []
    text = "[agents.first_purchase_offer]\nvalue_cents = 500\nbudget_cents = {EUR = 4000}\n"
    assert policy_of(tmp_path, text, coupon_key="x").tight_budgets(8) == []
    assert len(policy_of(tmp_path, text, coupon_key="x").tight_budgets(9)) == 1


def test_the_shop_in_a_hurry_is_right() -> None:
    hurry = Path(__file__).parents[1] / "examples" / "hurry.toml"
    policy = load_policy(load_settings({}, config=str(hurry), coupon_key="x"))
    assert policy.tight_budgets(4) == []
    assert len(policy.agents) == 5


def test_windows_wait_as_long_as_the_engine_unless_their_section_says_else(tmp_path: Path) -> None:
    text = "[engine]\nlateness_minutes = 90\n[agents.trend]\n[agents.demand_gap]\nlateness_minutes = 5\n"
    waits = {it.name: getattr(it, "lateness_minutes", 0) for it in policy_of(tmp_path, text).agents}
    assert waits == {"trend": 90, "demand_gap": 5}


def test_how_the_shop_s_windows_are_concluded_is_a_section_of_its_own(tmp_path: Path) -> None:
    assert policy_of(tmp_path, "[ops]\nevery_seconds = 1\n").ops.every_seconds == 1
    with pytest.raises(ConfigError, match="ops: Object contains unknown field `each`"):
        policy_of(tmp_path, "[ops]\neach = 1\n")
