"""What does the webhook sink count? Every Prometheus metric; ``docs/metrics.md`` explains them."""

from prometheus_client import Counter, Gauge, Histogram

from streams.webhooks.breaker import State

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_BREAKER: dict[State, int] = {"closed": 0, "half_open": 1, "open": 2, "gone": 3}

REQUESTS = Counter(
    "ebbtide_webhook_requests", "Requests made, by target and how they ended.", ["target", "ending"]
)
TRIGGERS = Counter(
    "ebbtide_webhook_triggers", "Triggers done with, by what became of them.", ["target", "outcome"]
)
REQUEST_SECONDS = Histogram(
    "ebbtide_webhook_request_seconds", "Time of one request.", ["target"], buckets=_SECONDS
)
WAITING = Gauge("ebbtide_webhook_waiting", "Triggers read and not done with.", ["target"])
OLDEST = Gauge(
    "ebbtide_webhook_oldest_seconds",
    "How long the oldest trigger that is read and not done with has been on its topic.",
    ["target"],
)
BREAKER = Gauge(
    "ebbtide_webhook_breaker", "0 closed, 1 half open, 2 open, 3 the target is gone.", ["target"]
)
RESTARTS = Counter(
    "ebbtide_webhook_restarts", "How often a target's route failed and was made anew.", ["target"]
)


def show(target: str, state: State, waiting: int, oldest_s: float) -> None:
    """Show where a target stands."""
    BREAKER.labels(target).set(_BREAKER[state])
    WAITING.labels(target).set(waiting)
    OLDEST.labels(target).set(oldest_s)
