"""Which question waits too long for its answer? A warning before its deadline, and one word after.

Each question that is open has a timer of its own, first for the warning and then for the deadline,
and its answer ends both. What happened counts, not when we hear of it: an answer that arrives
before its question answers it, and one that arrives after the alarm takes it back on record.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from agents.agent import Act, Agent, CancelTimer, Note, Remember, Say, SetTimer, Timer, View
from schemas.decisions import Evidence, Scalar
from schemas.instant import DAY, HOUR, to_text
from schemas.profiles import Purpose
from schemas.reviews import CaseClosed, Concern, QuestionAnswered, QuestionAsked

WARNING, BREACHED = "sla_warning", "sla_breached"
OPEN_MAX = 8
ANSWERED_MAX = 4
# An answer without a question, or a question whose deadline is past, is nobody's news after that.
KEPT = 30 * DAY


class SlaPayload(Struct, frozen=True):
    """The question, what it is about, when it was asked and until when it is to be answered."""

    question_id: str
    about: Concern
    asked_at: str
    due_at: str


class Open(Struct, array_like=True, gc=False, frozen=True):
    """A question that waits. is_breached: whether it was said that its deadline has passed."""

    question_id: str
    asked_at: int
    event_id: str
    about: Concern = "question"
    is_breached: bool = False


class Answer(Struct, array_like=True, gc=False, frozen=True):
    """An answer whose question has not been heard of yet."""

    question_id: str
    at: int


class Questions(Struct, array_like=True, gc=False, frozen=True):
    """What is open, and answers that came before their questions."""

    waiting: list[Open] = []
    answers: list[Answer] = []


class QuestionSla(Agent, frozen=True):
    """answer_hours, complaint_hours: until when a question, a complaint is to be answered.

    warning_hours: how long before that somebody is warned; 0: not at all.
    """

    listens: ClassVar = (QuestionAsked, QuestionAnswered, CaseClosed)
    remembers: ClassVar = Questions
    says: ClassVar = {WARNING: SlaPayload, BREACHED: SlaPayload}

    purpose: Purpose | Literal["internal"] = "internal"
    pause_hours: float = 0.0
    answer_hours: Annotated[float, Meta(gt=0)] = 24.0
    complaint_hours: Annotated[float, Meta(gt=0)] = 8.0
    warning_hours: Annotated[float, Meta(ge=0)] = 2.0

    def __post_init__(self) -> None:
        for name in ("answer_hours", "complaint_hours"):
            if self.warning_hours >= (hours := getattr(self, name)):
                raise ValueError(
                    f"warning_hours is {self.warning_hours}, not less than {name}, which is"
                    f" {hours}: the warning would come with the question"
                )

    def on_event(
        self, event: QuestionAsked | QuestionAnswered | CaseClosed, customer: View
    ) -> Iterable[Act]:
        """Wait for the answer, or have it."""
        questions = customer.recall(Questions)
        match event:
            case QuestionAsked():
                return self._asked(event, questions, customer)
            case QuestionAnswered():
                return self._answered(event, questions)
            case CaseClosed():
                closed = [
                    it for it in questions.waiting
                    if it.about == "complaint" and it.asked_at <= event.occurred_at
                ]  # fmt: skip
                return self._ended(closed, event, questions) if closed else ()

    def _asked(self, event: QuestionAsked, questions: Questions, customer: View) -> Iterable[Act]:
        at, name = event.occurred_at, event.question_id
        asked = Open(name, at, event.event_id, event.about)
        answers = [it for it in questions.answers if it.question_id != name]
        is_answered = any(it.question_id == name and it.at >= at for it in questions.answers)
        if is_answered or (event.about == "complaint" and customer.row.case_closed_at >= at):
            yield _kept(Questions(questions.waiting, answers))
            return
        known = next((it for it in questions.waiting if it.question_id == name), None)
        if known and (known.is_breached or self._due_at(known) <= self._due_at(asked)):
            return  # Asked again, and there is less time left for the first one.
        waiting = [
            it for it in questions.waiting
            if it.question_id != name and self._due_at(it) > at - KEPT
        ]  # fmt: skip
        waiting.append(asked)
        if len(waiting) > OPEN_MAX:
            # What can be missed best: what has been overdue for longest, or has most time left.
            left = {it: self._due_at(it) - at for it in waiting}
            out = max(waiting, key=lambda it: (left[it] <= 0, abs(left[it])))
            waiting.remove(out)
            yield CancelTimer(out.question_id)
            yield Note(
                reason="too_many_open",
                kind=BREACHED,
                evidence=Evidence(
                    events=(out.event_id,),
                    values={"question_id": out.question_id},
                    thresholds={"open_max": OPEN_MAX},
                ),
            )
        yield _kept(Questions(waiting, answers))
        if asked in waiting:
            yield SetTimer(self._warn_at(asked), name)

    def _answered(self, event: QuestionAnswered, questions: Questions) -> Iterable[Act]:
        at, name = event.occurred_at, event.question_id
        known = [it for it in questions.waiting if it.question_id == name]
        if not known:
            others = [
                it for it in questions.answers if it.question_id != name and it.at > at - KEPT
            ]
            said = [it.at for it in questions.answers if it.question_id == name]
            answers = sorted([*others, Answer(name, max(at, *said, 0))], key=lambda it: it.at)
            return (_kept(replace(questions, answers=answers[-ANSWERED_MAX:])),)
        # An answer from before belongs to a question of that name which is over.
        return self._ended(known, event, questions) if known[0].asked_at <= at else ()

    def _ended(
        self, ended: Sequence[Open], event: QuestionAnswered | CaseClosed, questions: Questions
    ) -> Iterable[Act]:
        """They are answered; what was said to be overdue is put on record as what it was."""
        yield _kept(replace(questions, waiting=[it for it in questions.waiting if it not in ended]))
        for it in ended:
            yield CancelTimer(it.question_id)
        told = [it for it in ended if it.is_breached]
        late = [it for it in told if event.occurred_at >= self._due_at(it)]
        in_time = [it for it in told if it not in late]
        if late:
            yield Note(reason="answered_late", kind=BREACHED, evidence=self._took(late, event))
        if in_time:
            yield Note(
                reason="answered_in_time", kind=BREACHED, evidence=self._took(in_time, event)
            )

    def _took(self, ended: Sequence[Open], event: QuestionAnswered | CaseClosed) -> Evidence:
        at = event.occurred_at
        return Evidence(
            events=(*(it.event_id for it in ended), event.event_id),
            values={
                "question_ids": [it.question_id for it in ended],
                "waited_hours": [round((at - it.asked_at) / HOUR, 2) for it in ended],
            },
            thresholds=self._thresholds,
        )

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """No answer came: warn, and wait for the deadline; or say that it has passed."""
        questions, at = customer.recall(Questions), customer.at
        for it in questions.waiting:
            if it.question_id != timer.name:
                continue
            due_at = self._due_at(it)
            if at < self._warn_at(it):
                yield SetTimer(self._warn_at(it), timer.name)  # There is more time by now.
            elif at < due_at:
                yield SetTimer(due_at, timer.name)
                yield self._said(WARNING, "answer_due_soon", it, at, expires_at=due_at)
            elif not it.is_breached:
                others = [other for other in questions.waiting if other is not it]
                told = replace(it, is_breached=True)
                yield Remember(replace(questions, waiting=[*others, told]))
                yield self._said(BREACHED, "answer_overdue", it, at)

    def _said(
        self, kind: str, reason: str, it: Open, at: int, expires_at: int | None = None
    ) -> Say:
        due_at = to_text(self._due_at(it))
        return Say(
            kind=kind,
            reason=reason,
            payload=SlaPayload(it.question_id, it.about, to_text(it.asked_at), due_at),
            expires_at=expires_at,
            evidence=Evidence(
                events=(it.event_id,),
                values={"waited_hours": round((at - it.asked_at) / HOUR, 2)},
                thresholds=self._thresholds,
            ),
        )

    @property
    def _thresholds(self) -> dict[str, Scalar]:
        names = ("answer_hours", "complaint_hours", "warning_hours")
        return {name: getattr(self, name) for name in names}

    def _due_at(self, it: Open) -> int:
        hours = self.complaint_hours if it.about == "complaint" else self.answer_hours
        return it.asked_at + round(hours * HOUR)

    def _warn_at(self, it: Open) -> int:
        return self._due_at(it) - round(self.warning_hours * HOUR)


def _kept(questions: Questions) -> Remember:
    return Remember(questions if questions.waiting or questions.answers else None)
