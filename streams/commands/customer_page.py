"""How is a customer shown to a person? One page: what is known on the left, in the order of use."""

from datetime import datetime

from rich.text import Text

from streams.commands import terminal
from streams.commands.customer_view import (
    Deliveries,
    OpenOrder,
    Purchases,
    Ratings,
    Told,
    View,
    Visit,
)
from streams.commands.terminal import money


def show(view: View) -> None:
    """Print the page."""
    when = _Ages(view.clock_at)
    terminal.out.print(Text(view.customer_id, style="bold"))
    terminal.out.print(
        f"partition {view.partition}, {view.row_bytes} bytes, clock {when.short(view.clock_at)}\n",
        style="dim",
    )
    page = terminal.table("", "")
    page.show_header = False
    for name, lines in _sections(view, when).items():
        if lines:
            page.add_row(Text(name, style="bold"), "\n".join(lines))
    terminal.out.print(page)
    windows = terminal.table(
        "last days", "views", "orders", "paid", right=("views", "orders", "paid")
    )
    for it in view.windows:
        paid = money(it.paid_cents, view.currency)
        windows.add_row(str(it.days), f"{it.views:,}", f"{it.orders:,}", paid)
    terminal.out.print()
    terminal.out.print(windows)


def _sections(view: View, when: "_Ages") -> dict[str, list[str]]:
    currency = view.currency
    return {
        "seen": [f"first {when(view.first_seen_at)}", f"last  {when(view.last_seen_at)}"],
        "profile": _profile(view),
        "consent": [
            f"{it.purpose}, {'all channels' if it.channel == '*' else it.channel}:"
            f" {'yes' if it.granted else 'no'}, {when(it.said_at)}"
            for it in view.consent
        ],
        "purchases": _purchases(view.purchases, currency, when),
        "rhythm": [f"gaps of {', '.join(map(str, view.gap_days))} days"] if view.gap_days else [],
        "visits": _visits(view.visit, when),
        "cart": _cart(view, when),
        "viewed": [", ".join(view.viewed)] if view.viewed else [],
        "bought": [", ".join(view.bought)] if view.bought else [],
        "likes": [_shares(it) for it in (view.categories, view.products) if it],
        "under way": [_order(it, currency, when) for it in view.open_orders],
        "ratings": _ratings(view.ratings, when),
        "responses": [
            f"{channel}: " + ", ".join(f"{name} {count}" for name, count in counts.items())
            for channel, counts in view.responses.items()
        ],
        "deliveries": _deliveries(view.deliveries, when),
        "timers": [f"{it.name}: {when(it.due_at)}" for it in view.timers],
        "said": [_told(it, when) for it in view.said],
        "memory": [f"{agent}: {memory}" for agent, memory in view.memory.items()],
    }


def _profile(view: View) -> list[str]:
    known = [view.locale, view.time_zone, view.birthday and f"born {view.birthday}"]
    lines = [", ".join(it for it in known if it)]
    lines += [f"{name}: {value}" for name, value in view.traits.items()]
    return [line for line in lines if line]


def _purchases(it: Purchases, currency: str, when: "_Ages") -> list[str]:
    if not it.orders:
        return []
    spent, refunded = money(it.spent_cents, currency), money(it.refunded_cents, currency)
    return [
        f"{terminal.plural(it.orders, 'order')}, {spent} spent, {refunded} refunded",
        f"first {when(it.first_order_at)}",
        f"last  {when(it.last_order_at)}",
    ]


def _visits(it: Visit, when: "_Ages") -> list[str]:
    views = terminal.plural(it.views, "view")
    return [f"{it.count}, the last with {views}, until {when(it.last_at)}"] if it.count else []


def _cart(view: View, when: "_Ages") -> list[str]:
    lines = []
    for it in view.cart:
        price = money(it.price_cents, view.currency)
        lines.append(f"{it.quantity} x {it.product_id} at {price}, {when(it.added_at)}")
    return [*lines, f"worth {money(view.cart_cents, view.currency)}"] if lines else []


def _ratings(it: Ratings | None, when: "_Ages") -> list[str]:
    if it is None or not it.count:
        return []
    return [f"{it.count}, {it.mean} stars on average, the last {it.last}, {when(it.last_at)}"]


def _deliveries(it: Deliveries | None, when: "_Ages") -> list[str]:
    if it is None:
        return []
    last = f"{it.last_target} has {'not ' if it.last_failure else ''}got the last one"
    why = f" ({it.last_failure})" if it.last_failure else ""
    return [f"{it.delivered} delivered, {it.undelivered} not; {last}{why}, {when(it.last_at)}"]


def _order(it: OpenOrder, currency: str, when: "_Ages") -> str:
    told = f"{it.order_id}: {money(it.paid_cents, currency)}, placed {when(it.placed_at)}"
    if it.shipped_at:
        told += f", shipped {when(it.shipped_at)}"
    return told + (f", promised {when(it.promised_at)}" if it.promised_at else "")


def _told(it: Told, when: "_Ages") -> str:
    told = f"{it.kind}: sent {it.sent}"
    if it.sent_at:
        told += f", last {when(it.sent_at)}"
    if it.refusal:
        told += f"; then not, because {it.refusal}"
        told += f", and {it.refused} more" if it.refused else ""
    return told


def _shares(shares: dict[str, float]) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in shares.items())


class _Ages:
    """Writes moments, with how far they are from the clock."""

    def __init__(self, clock_at: str) -> None:
        self._clock_at = datetime.fromisoformat(clock_at)

    def __call__(self, moment: str | None) -> str:
        if moment is None:
            return "never"
        seconds = (self._clock_at - datetime.fromisoformat(moment)).total_seconds()
        distance = _distance(abs(seconds))
        return (
            f"{self.short(moment)} ({distance} ago)"
            if seconds >= 0
            else (f"{self.short(moment)} (in {distance})")
        )

    def short(self, moment: str) -> str:
        """RFC 3339 to the second."""
        return f"{moment[:19]}Z"


def _distance(seconds: float) -> str:
    """A stretch of time in the unit that people would use.

    >>> _distance(90), _distance(7200), _distance(200_000)
    ('90 s', '2 h', '2.3 d')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * 86_400:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86_400:.1f} d"
