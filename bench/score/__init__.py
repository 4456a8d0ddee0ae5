"""How good are the decisions? Each task through the shipping path, beside plain baselines."""
