"""May this trigger go out, to whom, on which channel, and if not now, when? All rules in order.

The law: it is pure, and every answer has its reason. What weighs more comes first: what the
customer wants, what would be unkind, what would be too much, what is too late in the evening, what
costs too much. The holdout comes last, so that both arms are those who would have been told.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from agents.agent import Agent
from agents.gate import budget, caps
from agents.gate.campaign import closed
from agents.gate.caps import Cap
from agents.gate.channels import usable
from agents.gate.holdout import Holdout
from agents.gate.quiet_hours import QuietHours
from schemas.decisions import Money, Outcome, Scalar
from schemas.instant import DAY, HOUR, SECOND, to_text
from schemas.profiles import Channel, Purpose
from state.customer import Customer, Said
from state.exposure import ALL_CAMPAIGNS, Counts, expose
from state.held import TOUCHES_MAX, Touch
from state.outcome import await_visit
from state.shop import Shop

#: What the shop wants to sell with: limited by caps, exclusions and the floor, and measured.
COMMERCIAL = ("marketing", "personalisation")

_NEVER = Said()


class Exclusion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For some hours after a trigger of one kind was sent, others are not.

    after: the kind. blocks: the kinds that wait; empty: all commercial ones. until_closed: a
    ``case_closed`` event ends it early, as for a complaint that was taken care of.
    """

    after: str
    hours: Annotated[float, Meta(gt=0)]
    blocks: tuple[str, ...] = ()
    until_closed: bool = False


class Spoken(Struct, frozen=True, gc=False):
    """Who has the floor: the trigger that has left, or would have, on the same occasion."""

    kind: str
    channel: str
    outcome: Outcome


class Question(Struct, frozen=True, gc=False):
    """What the gate is asked. at: the moment at which the trigger would leave."""

    agent: Agent
    kind: str
    customer_id: str
    at: int
    hands_out: Money | None = None
    spoken: Spoken | None = None
    partitions: int = 1

    @property
    def campaign(self) -> str:
        """Under which name budget, holdout and effect go."""
        return self.agent.counted_as


class Verdict(Struct, frozen=True, gc=False):
    """The answer. saw: what it rests on.

    until: the first moment at which one that is deferred may leave. due_at: its turn after that,
    within the same second; 0: at once.
    """

    outcome: Outcome
    reason: str = ""
    channel: str = ""
    until: int = 0
    saw: dict[str, Scalar] = {}
    due_at: int = 0


def refused(reason: str, **saw: Scalar) -> Verdict:
    """Not at all."""
    return Verdict("suppressed", reason, saw=saw)


class Gate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings in ``[gate]``. Caps, distance, exclusions and the floor are for commercial ones.

    assume_consent: purposes for which a customer who has said nothing counts as having agreed. A
    customer who has withdrawn consent has said something, and nobody is assumed past that.
    channels: those that come into question, the one to try first coming first.
    distance_hours: between any two triggers. caps: how many in how many hours.
    at_once: what becomes of those who lose, when several agents want to speak on one occasion.
    defer_hours: how long they wait, if that is ``defer``.
    outcome_days: how long after it what a customer does counts as the outcome of a trigger.
    """

    assume_consent: tuple[Purpose, ...] = ()
    channels: tuple[Channel, ...] = ("push", "email", "sms", "in_app", "web", "phone", "post")
    distance_hours: Annotated[float, Meta(ge=0)] = 0.0
    caps: tuple[Cap, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    quiet_hours: QuietHours | None = None
    at_once: Literal["suppress", "defer", "merge", "all"] = "suppress"
    defer_hours: Annotated[float, Meta(gt=0)] = 24.0
    holdout: Holdout = Holdout()
    outcome_days: Annotated[float, Meta(gt=0)] = 28.0

    @property
    def outcome_window(self) -> int:
        """How long after it what a customer does counts, in milliseconds."""
        return round(self.outcome_days * DAY)

    def verdict(self, asked: Question, row: Customer, shop: Shop) -> Verdict:
        """What becomes of a trigger, by the row as it is at the moment."""
        agent = asked.agent
        paused = self._closed(asked, row) or self._paused(asked, row)
        if agent.purpose == "internal":
            return paused or Verdict("sent")
        agreed, works = self._channels(agent, row)
        if not agreed:
            return refused("no_consent", purpose=agent.purpose)
        if not works:
            return refused("no_channel", agreed_to=", ".join(agreed))
        if paused:
            return paused
        if agent.purpose not in COMMERCIAL:
            return self._quiet(asked, row, works[0]) or Verdict("sent", channel=works[0])
        return self._excluded(asked, row) or self._commercial(asked, row, shop, works)

    def consents(self, agent: Agent, row: Customer) -> bool:
        """Whether the customer still agrees to what the agent says."""
        return agent.purpose == "internal" or bool(self._channels(agent, row)[0])

    def remember(
        self, asked: Question, verdict: Verdict, row: Customer, shop: Shop, counts: Counts
    ) -> None:
        """Take note of a trigger that has left, or would have."""
        agent = asked.agent
        if agent.purpose not in COMMERCIAL:
            return
        # What joins another trigger is no touch of its own, nor is it where it is held out.
        if not (self.at_once == "merge" and asked.spoken):
            touch = Touch(asked.at, asked.kind, verdict.channel)
            caps.note(row.touches, touch, shop.clock_at, self._rules)
        if verdict.outcome != "held_out" and asked.hands_out and agent.budget_cents:
            budget.spend(shop, asked.campaign, agent.budget_days, asked.hands_out, asked.at)
        over_all = verdict.reason == "held_out_over_all"
        # What was heard before is no outcome, also where it happened later: it was not counted, so
        # nothing of it may be taken off again.
        since = max(asked.at, row.last_seen_at)
        await_visit(row, since, self.outcome_window)
        if self.holdout.over_all:
            expose(
                row.exposures, ALL_CAMPAIGNS, since, counts,
                held_out=over_all, share=self.holdout.over_all,
            )  # fmt: skip
        # Who gets nothing from any campaign is nobody to compare one campaign with.
        if (share := self.share(agent)) and not over_all:
            held_out = verdict.outcome == "held_out"
            expose(row.exposures, asked.campaign, since, counts, held_out=held_out, share=share)

    def _channels(self, agent: Agent, row: Customer) -> tuple[list[str], list[str]]:
        purpose = agent.purpose
        assumed = purpose in self.assume_consent
        return usable(row, purpose, assumed=assumed, order=agent.channels or self.channels)

    def _closed(self, asked: Question, row: Customer) -> Verdict | None:
        why = closed(asked.agent, row, asked.at)
        return why and refused(why[0], **why[1])

    def _paused(self, asked: Question, row: Customer) -> Verdict | None:
        sent_at = row.said.get(asked.kind, _NEVER).sent_at
        pause_hours = asked.agent.pause_hours
        # Without a pause also what is decided later for an earlier moment may go out.
        if not sent_at or pause_hours <= 0 or asked.at - sent_at >= pause_hours * HOUR:
            return None
        hours = round((asked.at - sent_at) / HOUR, 2)
        return refused("paused", hours_since=hours, pause_hours=pause_hours)

    def _excluded(self, asked: Question, row: Customer) -> Verdict | None:
        for it in self.exclusions:
            if it.after == asked.kind or (it.blocks and asked.kind not in it.blocks):
                continue
            sent_at = row.said.get(it.after, _NEVER).sent_at
            closed = it.until_closed and row.case_closed_at > sent_at
            if sent_at and not closed and asked.at - sent_at < it.hours * HOUR:
                hours = round((asked.at - sent_at) / HOUR, 2)
                early: dict[str, Scalar] = {"until_closed": True} if it.until_closed else {}
                return refused(
                    "excluded", after=it.after, hours_since=hours, hours=it.hours, **early
                )
        return None

    def _commercial(self, asked: Question, row: Customer, shop: Shop, works: list[str]) -> Verdict:
        spoken, channel = asked.spoken, works[0]
        joins = False
        if spoken is not None and self.at_once != "all":
            by: dict[str, Scalar] = {"by": spoken.kind, "priority": asked.agent.priority}
            waits = self.at_once == "suppress" and asked.agent.waits_its_turn
            if waits or self.at_once == "defer":
                hours = max(1, self.distance_hours) if waits else self.defer_hours
                until = asked.at + round(hours * HOUR)
                return Verdict("deferred", "outranked", until=until, saw=by)
            joins = self.at_once == "merge" and spoken.outcome == "sent"
            if not joins or spoken.channel not in works:
                return refused("outranked", **by)
            channel = spoken.channel
        if not joins:
            full = self._too_much(asked, row, shop, works)
            if full.outcome != "sent":
                return full
            channel = full.channel
            if quiet := self._quiet(asked, row, channel):
                return quiet
        return self._over_budget(asked, shop) or self.held_out(asked, row, channel) or Verdict(
            "merged" if joins else "sent",
            f"with_{spoken.kind}" if joins and spoken else "",
            channel,
        )  # fmt: skip

    def _too_much(self, asked: Question, row: Customer, shop: Shop, works: list[str]) -> Verdict:
        """The first channel on which one more is not too much, or why there is none."""
        rules, touches, kind, at = self._rules, row.touches, asked.kind, asked.at
        if not touches:
            return Verdict("sent", channel=works[0])
        broken: list[Cap] = []
        for channel in works:
            if caps.is_full(rules, touches, kind, channel, shop.clock_at):
                continue  # There is no room to remember one more.
            cap = caps.exceeded(rules, touches, kind, channel, at)
            if cap is None:
                return Verdict("sent", channel=channel)
            broken.append(cap)
        if not broken:
            return refused("capped", sent=len(touches), sent_max=TOUCHES_MAX)
        cap = broken[0]
        free_at = min(caps.free_at(rules, touches, kind, it, at, shop.clock_at) for it in works)
        again = to_text(free_at)
        if cap is rules[0] and self.distance_hours:
            saw: dict[str, Scalar] = {"distance_hours": self.distance_hours, "free_at": again}
            if asked.agent.waits_its_turn:
                return Verdict("deferred", "too_soon", until=free_at, saw=saw)
            return refused("too_soon", **saw)
        return refused("capped", per=cap.per, sent_max=cap.sent_max, hours=cap.hours, free_at=again)

    def _quiet(self, asked: Question, row: Customer, channel: str) -> Verdict | None:
        quiet, agent = self.quiet_hours, asked.agent
        if quiet is None or not agent.keeps_quiet_hours or agent.purpose not in quiet.purposes:
            return None
        if quiet.channels and channel not in quiet.channels:
            return None
        due_at = quiet.release_at(asked.at, row.time_zone)
        if due_at == asked.at:
            return None
        until = due_at // SECOND * SECOND  # Its turn is within the first second that is not quiet.
        zone = row.time_zone or quiet.time_zone
        return Verdict("deferred", "quiet_hours", channel, until, {"time_zone": zone}, due_at)

    def _over_budget(self, asked: Question, shop: Shop) -> Verdict | None:
        agent = asked.agent
        if not agent.budget_cents or asked.hands_out is None:
            return None
        against = budget.exceeded(
            shop, asked.campaign, agent.budget_cents, agent.budget_days, asked.partitions,
            asked.hands_out, asked.at,
        )  # fmt: skip
        return None if against is None else refused("over_budget", **against)

    def held_out(self, asked: Question, row: Customer, channel: str = "") -> Verdict | None:
        """Whether the customer is in an arm that gets nothing, and in which.

        With the channel, for a cap must count it as that of whoever is sent it.
        """
        holdout, exposures, first_id = self.holdout, row.exposures, asked.customer_id
        if holdout.arm_over_all(first_id, exposures):
            saw: dict[str, Scalar] = {"share": holdout.over_all}
            return Verdict("held_out", "held_out_over_all", channel, saw=saw)
        share = self.share(asked.agent)
        if holdout.arm(asked.campaign, share, first_id, exposures):
            return Verdict("held_out", "held_out", channel, saw={"share": share})
        return None

    def share(self, agent: Agent) -> float:
        """Of the customers, how many are held out of what the agent says."""
        return self.holdout.share if agent.holdout_share is None else agent.holdout_share

    @property
    def _rules(self) -> tuple[Cap, ...]:
        """The caps; the distance between two triggers is the first of them, where there is one."""
        if not self.distance_hours:
            return self.caps
        return (Cap(sent_max=1, hours=self.distance_hours), *self.caps)
