"""What has sending caused? Counters in, a report with intervals out; pure, and outside the core."""
