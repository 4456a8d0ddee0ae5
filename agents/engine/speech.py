"""What becomes of what agents want to say? The gate is asked, and every answer goes on record.

The law: what is said on one occasion (an event, or all of a customer's timers that one tick finds
due) is taken together, the most important first. And what is held back is never lost: it ends with
one record, sent or with the reason why not.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct

from agents.agent import HELD, Agent, Decided, Note, Say, View
from agents.engine.batch import Batch
from agents.engine.cause import Cause, Record, on_record
from agents.engine.market import Markets
from agents.engine.written import written
from agents.gate.gate import COMMERCIAL, Gate, Question, Spoken, Verdict, refused
from schemas.decisions import LEFT, PASSED, Decision, Merged, Scalar
from state.customer import KINDS_MAX, Customer, Said
from state.held import HELD_MAX, Held
from state.outcome import count_cost


class Wish(Struct, frozen=True, gc=False):
    """What an agent wants to say, and why. was_held: whether it has waited for this."""

    agent: Agent
    say: Say
    body: Raw
    cause: Cause
    was_held: bool = False

    @property
    def kind(self) -> str:
        """The kind of trigger."""
        return self.say.kind or self.agent.name


class Speech:
    """Asks the gate, and keeps what the answer means. Holds settings, and no state."""

    def __init__(
        self, gate: Gate, agents: Mapping[str, Agent], markets: Markets, partitions: int
    ) -> None:
        self.gate = gate
        self._agents = agents
        self._markets = markets
        self._partitions = partitions
        self._window = gate.outcome_window

    def settle(self, batch: Batch, view: View, wishes: list[Wish]) -> list[tuple[Decided, Cause]]:
        """Answer all that is said on one occasion. Returns what has left, and why."""
        wishes.sort(key=lambda it: -it.agent.priority)
        speaker: Wish | None = None
        spoken: Spoken | None = None
        answers: dict[int, Verdict] = {}
        # Those who do not compete are asked about first: others may have to wait for what they say.
        turns = sorted(enumerate(wishes), key=lambda it: it[1].agent.purpose in COMMERCIAL)
        for number, wish in turns:
            verdict = answers[number] = self._answer(batch, view, wish, spoken)
            is_first = spoken is None and verdict.outcome in PASSED
            if is_first and wish.agent.purpose in COMMERCIAL:
                speaker, spoken = wish, Spoken(wish.kind, verdict.channel, verdict.outcome)
        answered = [(wish, answers[number]) for number, wish in enumerate(wishes)]
        joined = tuple(_merged(view, wish) for wish, it in answered if it.outcome == "merged")
        left: list[tuple[Decided, Cause]] = []
        for wish, verdict in answered:
            has_joined = joined if wish is speaker else ()
            decision = self._record(batch, view, wish, verdict, has_joined)
            if decision is not None and verdict.outcome in LEFT:
                say, at = wish.say, decision.decided_at
                decided = Decided(
                    wish.kind, decision.id, at, say.reason, say.payload, say.expires_at
                )
                left.append((decided, wish.cause))
        return left

    def release(self, batch: Batch, view: View) -> list[Wish]:
        """Ask the agents again about what has waited long enough."""
        row, wishes = view.row, list[Wish]()
        ready = [it for it in row.held if it.until <= view.at]
        row.held = [it for it in row.held if it.until > view.at]
        self._set_alarm(batch, view)
        for held in ready:
            agent = self._agent_of(held, row)
            if agent is None or held.kind not in agent.says:
                self._drop(batch, view, held, "agent_is_off")
                continue
            try:
                said_again = _said_again(agent, held, view)
            except Exception as error:  # noqa: BLE001 (an agent may fail in any way)
                failure = f"{type(error).__name__}: {error}"
                self._drop(batch, view, held, "agent_failed", error=failure)
                continue
            if said_again is None:
                self._drop(batch, view, held, "reason_gone")
            else:
                cause = Cause(held.cause, held.cause_at, view.at)
                wishes.append(Wish(agent, *said_again, cause, was_held=True))
        return wishes

    def withdraw(self, batch: Batch, view: View) -> None:
        """Drop what is held back and the customer does not want any more."""
        row = view.row
        for held in row.held:
            agent = self._agent_of(held, row)
            if agent is not None and not self.gate.consents(agent, row):
                self._drop(batch, view, held, "no_consent", purpose=agent.purpose)
                row.held = [it for it in row.held if it is not held]
        self._set_alarm(batch, view)

    def _agent_of(self, held: Held, row: Customer) -> Agent | None:
        agent = self._agents.get(held.agent)
        return agent and self._markets.variant(agent, row)

    def abandon(self, batch: Batch, view: View) -> None:
        """Drop all that is held back: the row ends."""
        for held in view.row.held:
            self._drop(batch, view, held, "row_ended")

    def note(
        self, batch: Batch, agent: Agent, note: Note, body: Raw, view: View, cause: Cause
    ) -> None:
        """Put a note on record, and its money into the books; of history nothing is."""
        if cause.silent:
            return
        campaign = agent.counted_as
        for what, money in (("redeemed", note.redeemed), ("returned", note.returned)):
            if money is not None:
                name, at = f"{what}/{money.currency}", cause.decided_at
                batch.counts[f"money/{campaign}/{name}"] += money.cents
                count_cost(view.row, campaign, name, money.cents, at, self._window, batch.counts)
        record = Record(agent.name, campaign, "noted", note.reason)
        batch.decide(on_record(record, note, body, view, cause), cause.appended_at)

    def _answer(self, batch: Batch, view: View, wish: Wish, spoken: Spoken | None) -> Verdict:
        """Ask the gate, and take note of the answer in the row."""
        row, cause, say, shop = view.row, wish.cause, wish.say, view.shop
        if cause.refusal is not None:
            return refused(cause.refusal)
        at = max(cause.decided_at, shop.clock_at)
        if say.expires_at is not None and say.expires_at <= at:
            return refused("expired")
        if any(it.kind == wish.kind for it in row.held):
            return refused("already_held")
        asked = Question(
            wish.agent, wish.kind, view.id, at, say.hands_out, spoken, self._partitions
        )
        verdict = self.gate.verdict(asked, row, shop)
        if verdict.outcome == "deferred":
            if len(row.held) >= HELD_MAX:
                return refused("too_many_held", held_max=HELD_MAX)
            self._hold(batch, view, wish, verdict, at)
        elif verdict.outcome in PASSED:
            # At once, for what else is said on this occasion may have to be silent for it.
            said = _said(row, wish.kind)
            said.sent_at = max(said.sent_at, at)
            self.gate.remember(asked, verdict, row, shop, batch.counts)
            if verdict.outcome in LEFT and say.hands_out:
                money = say.hands_out
                batch.counts[f"money/{asked.campaign}/handed_out/{money.currency}"] += money.cents
        return verdict

    def _hold(self, batch: Batch, view: View, wish: Wish, verdict: Verdict, at: int) -> None:
        say, cause = wish.say, wish.cause
        view.row.held.append(
            Held(
                wish.agent.name, wish.kind, cause.id, cause.at, at, verdict.until,
                verdict.due_at or verdict.until, verdict.reason, say.reason, say.evidence,
                bytes(wish.body), say.expires_at, say.hands_out,
            )
        )  # fmt: skip
        self._set_alarm(batch, view)

    def _set_alarm(self, batch: Batch, view: View) -> None:
        """Be woken when the first of what is held back may leave."""
        due_at = min((it.due_at for it in view.row.held), default=None)
        if due_at is None:
            batch.drop_timer(view.id, view.row, HELD)
        elif view.row.timers.get(HELD) != due_at:
            batch.set_timer(view.id, view.row, HELD, due_at)

    def _record(
        self, batch: Batch, view: View, wish: Wish, verdict: Verdict, joined: tuple[Merged, ...]
    ) -> Decision | None:
        """Count the answer, and put it on record; None for a refusal that repeats itself."""
        agent, cause, kind, outcome = wish.agent, wish.cause, wish.kind, verdict.outcome
        campaign = agent.counted_as
        reason = wish.say.reason if outcome == "sent" else verdict.reason
        batch.counts[f"gate/{campaign}/{outcome}/{reason}"] += 1
        said = _said(view.row, kind)
        before = said.refused
        if outcome == "suppressed":
            if reason == said.refusal and not wish.was_held:
                said.refused += 1
                return None
            said.refusal, said.refused = reason, 0
        elif outcome in PASSED:
            said.refusal, said.refused = "", 0
            if outcome == "held_out":
                said.held_out += 1
            else:
                said.sent += 1
        else:
            said.refused = 0
        if outcome == "sent":
            batch.counts[f"cost/{campaign}/sent"] += 1
            at = cause.decided_at
            count_cost(view.row, campaign, "messages", 1, at, self._window, batch.counts)
        record = Record(
            agent.name, campaign, outcome, reason, before, verdict.channel, verdict.saw, joined,
            verdict.until,
        )  # fmt: skip
        decision = on_record(record, wish.say, wish.body, view, cause)
        batch.decide(decision, cause.appended_at)
        return decision

    def _drop(self, batch: Batch, view: View, held: Held, reason: str, **saw: Scalar) -> None:
        """End what was held back with a record that says why it does not leave."""
        agent = self._agents.get(held.agent)
        campaign = agent.counted_as if agent else held.agent
        batch.counts[f"gate/{campaign}/suppressed/{reason}"] += 1
        say = Say(
            reason=held.reason, payload=Struct(), evidence=held.evidence, kind=held.kind,
            expires_at=held.expires_at,
        )  # fmt: skip
        cause = Cause(held.cause, held.cause_at, max(view.at, view.shop.clock_at))
        record = Record(held.agent, campaign, "suppressed", reason, gate=saw)
        batch.decide(on_record(record, say, Raw(held.payload), view, cause), 0)


def _said_again(agent: Agent, held: Held, view: View) -> tuple[Say, Raw] | None:
    """What the agent says of it now; None where it has no reason any more.

    Raises an error of any kind where the agent fails, or answers with what was not asked.
    """
    say: object = agent.on_release(_as_said(agent, held), view.of(agent.name))
    if say is None:
        return None
    if not isinstance(say, Say):
        raise TypeError(f"on_release answers a {type(say).__name__}: a Say or None is wanted")
    if (kind := say.kind or agent.name) != held.kind:
        # It would have the id of what may have been said on the same cause before.
        raise ValueError(f"on_release says {kind!r}, and {held.kind!r} was held")
    ((_, body),) = written(agent, (say,))
    return say, body


def _as_said(agent: Agent, held: Held) -> Say:
    """What the agent said then. Raises ValidationError where the agent speaks otherwise now."""
    return Say(
        reason=held.reason,
        payload=msgspec.json.decode(held.payload, type=agent.says[held.kind]),
        evidence=held.evidence,
        kind=held.kind,
        expires_at=held.expires_at,
        hands_out=held.hands_out,
    )


def _merged(view: View, wish: Wish) -> Merged:
    say = wish.say
    decision = on_record(Record(wish.agent.name), say, wish.body, view, wish.cause)
    return Merged(
        decision.id, wish.kind, say.reason, say.evidence, wish.body,
        wish.agent.counted_as, say.expires_at,
    )  # fmt: skip


def _said(row: Customer, kind: str) -> Said:
    """What was decided about a kind, to be changed."""
    said = row.said.setdefault(kind, Said())
    # Kinds are as many as the agents say; a bound for those that left the config.
    if len(row.said) > KINDS_MAX:
        del row.said[next(iter(row.said))]
    return said
