"""How is a customer shown to a person? One page: what is known on the left, in the order of use."""

from datetime import datetime
from typing import Any

from rich.text import Text

from state.exposure import ALL_CAMPAIGNS
from streams.amounts import money, plural
from streams.commands import terminal
from streams.commands.figures import distance, listed, words
from streams.customer.coupons import KEEP_COUPONS, Kept
from streams.customer.gate import Counted, Deliveries, Told, Waiting, did, on_channel
from streams.customer.outlook import AGENT, Outlook
from streams.customer.shopping import OpenOrder, Purchases, Ratings, Trod, Visit
from streams.customer.view import Grieved, View


def show(view: View) -> None:
    """Print the page."""
    when = _Ages(view.clock_at)
    terminal.out.print(Text(view.customer_id, style="bold"))
    terminal.out.print(
        f"partition {view.partition}, {view.row_bytes} bytes, clock {when.short(view.clock_at)}\n",
        style="dim",
    )
    terminal.say_sections(_sections(view, when))
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
        "learned": [
            f"{it.trait}: {it.value}"
            + ("" if it.confidence == 1 else f" ({it.confidence:.0%} sure)")
            + f", {it.learned_on}"
            for it in view.portrait
        ],
        "consent": [
            f"{it.purpose}, {'all channels' if it.channel == '*' else it.channel}:"
            f" {'yes' if it.granted else 'no'}, {when(it.said_at)}"
            for it in view.consent
        ],
        "purchases": _purchases(view.purchases, currency, when),
        "outlook": _outlook(view.outlook, currency, when),
        "rhythm": [f"gaps of {', '.join(map(str, view.gap_days))} days"] if view.gap_days else [],
        "visits": _visits(view.visit, when),
        "cart": _cart(view, when),
        "viewed": [", ".join(view.viewed)] if view.viewed else [],
        "bought": [", ".join(view.bought)] if view.bought else [],
        "trail": [_trod(it, when) for it in view.trail],
        "likes": [_shares(it) for it in (view.categories, view.products) if it],
        "under way": [_order(it, currency, when) for it in view.open_orders],
        "ratings": _ratings(view.ratings, when),
        "responses": _responses(view, when),
        "deliveries": _deliveries(view.deliveries, when),
        "timers": [f"{it.name}: {when(it.due_at)}" for it in view.timers],
        "waits for": [f"{it}, for {', '.join(agents)}" for it, agents in view.awaited.items()],
        "said": [_told(it, when) for it in view.said],
        "touches": [
            f"{it.kind}{f' by {it.channel}' if it.channel else ''}: {when(it.at)}"
            for it in view.touches
        ],
        "held back": [_waiting(it, when) for it in view.held],
        "effect": [_counted(it, when) for it in view.exposures],
        "complaint": [f"closed {when(view.case_closed_at)}"] if view.case_closed_at else [],
        "went wrong": [_grieved(it, when) for it in view.grievances],
        "coupon": [_coupon(it, when) for it in view.coupons],
        "memory": [
            f"{agent}: {_remembered(memory)}"
            for agent, memory in view.memory.items()
            if agent not in KEEP_COUPONS and agent != AGENT
        ],
    }


def _profile(view: View) -> list[str]:
    known = [view.locale, view.country, view.time_zone, view.birthday and f"born {view.birthday}"]
    lines = [", ".join(it for it in known if it)]
    lines += [f"{name}: {value}" for name, value in view.traits.items()]
    return [line for line in lines if line]


def _purchases(it: Purchases, currency: str, when: "_Ages") -> list[str]:
    if not it.orders:
        return []
    spent, refunded = money(it.spent_cents, currency), money(it.refunded_cents, currency)
    return [
        f"{plural(it.orders, 'order')}, {spent} spent, {refunded} refunded",
        f"first {when(it.first_order_at)}",
        f"last  {when(it.last_order_at)}",
    ]


def _outlook(it: Outlook | None, currency: str, when: "_Ages") -> list[str]:
    if it is None:
        return []
    spend = money(it.expected_spend_cents, currency)
    by = f"model {it.model}" if it.model else "a first guess, as there was no model then"
    lines = [
        f"still a customer: {it.still_customer:.0%}",
        f"next {it.horizon_days} days: {it.expected_orders:.1f} orders, {spend}",
    ]
    if it.next_order is not None:
        around, *ends = (
            day[:10] for day in (it.next_order.around, it.next_order.earliest, it.next_order.latest)
        )
        lines.append(f"next order, if any: around {around} (80 %: {' to '.join(ends)})")
    return [*lines, f"as of {when(it.as_of)}, by {by}"]


def _visits(it: Visit, when: "_Ages") -> list[str]:
    views = plural(it.views, "view")
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
    if it.held_out:
        told += f", held out {it.held_out}"
    if it.sent_at:
        told += f", last {when(it.sent_at)}"
    if it.refusal:
        told += f"; then not, because {it.refusal}"
        told += f", and {it.refused} more" if it.refused else ""
    return told


def _responses(view: View, when: "_Ages") -> list[str]:
    lines = []
    for channel, it in view.responses.items():
        moments = {
            "bounced": it.bounced_at, "answered": it.responded_at, "left": it.unsubscribed_at
        }  # fmt: skip
        lines.append(on_channel(channel, it))
        lines += [f"  last {name} {when(at)}" for name, at in moments.items() if at]
        if it.away_for:
            lines.append(f"  can't be used for {listed(it.away_for)}, until they agree to it anew")
    return lines


def _waiting(it: Waiting, when: "_Ages") -> str:
    told = f"{it.kind}: since {when(it.held_at)}, until {when(it.until)}, because {it.why}"
    if it.hands_out_cents is not None:
        told += f"; hands out {money(it.hands_out_cents, it.currency or '')}"
    return f"{told}; expires {when(it.expires_at)}" if it.expires_at else told


def _grieved(it: Grieved, when: "_Ages") -> str:
    told = {
        "late": f"{it.about} delivered {plural(it.amount, 'hour')} late",
        "refund": f"{it.about} given back, {it.amount} % of it",
        "dearer": f"{it.about} {it.amount} % dearer than in the cart",
        "stock": f"{it.about} not to be had",
        "search": f"nothing found for {it.about!r}, {plural(it.amount, 'time')}",
    }
    return f"{told[it.kind]}, {when(it.at)}"


def _coupon(it: Kept, when: "_Ages") -> str:
    worth = f"{it.code}: {money(it.value_cents, it.currency)} ({it.agent}), {words(it.state)}"
    ends = f"ends {when(it.expires_at)}"
    order = f" by {it.order_id}" if it.order_id else ""
    return f"{worth}{order}; sent {when(it.sent_at)}, {ends}"


def _counted(it: Counted, when: "_Ages") -> str:
    name = "all campaigns" if it.campaign == ALL_CAMPAIGNS else it.campaign
    return f"{name}: {words(it.arm)} since {when(it.since)}; {did(it)}"


def _trod(it: Trod, when: "_Ages") -> str:
    often = f" {it.times} times on {plural(it.visits, 'visit')}," if it.times > 1 else ""
    return f"{it.what} {it.name}:{often} last {when(it.last_at)}"


def _remembered(memory: Any) -> str:
    if not isinstance(memory, dict):
        return str(memory)
    return ", ".join(f"{name} {it}" for name, it in memory.items() if it not in ("", 0, [], None))


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
        away = distance(abs(seconds))
        return (
            f"{self.short(moment)} ({away} ago)"
            if seconds >= 0
            else (f"{self.short(moment)} (in {away})")
        )

    def short(self, moment: str) -> str:
        """RFC 3339 to the second."""
        return f"{moment[:19]}Z"
