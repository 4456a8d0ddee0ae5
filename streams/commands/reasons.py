"""Why does something not go out? Each reason of the gate and of the engine, as a sentence.

The law: every word that they can give has a sentence here, and nowhere else is there one. Which
figures stand behind a word says the rule that gave it (``agents/gate``,
``agents/engine/speech.py``).
"""

from string import Formatter

from streams.commands.figures import Figures, figure, words

_WITH = "with_"

#: By reason: sentences with figures, of which the first is taken that has all of them. The last
#: one has none: rows and older records know the word alone. `:.0` asks for one without telling it.
SENTENCES: dict[str, tuple[str, ...]] = {
    "no_consent": (
        "The customer has not agreed to {purpose} on any channel.",
        "The customer has not agreed to the agent's purpose on any channel.",
    ),
    "no_channel": (
        "Of the channels agreed to, or assumed to be ({agreed_to}), none reaches them any more.",
        "None of the channels agreed to, or assumed to be, reaches the customer any more.",
    ),
    "paused": (
        (
            "One of this kind was held out{held_out:.0} {hours_since} before;"
            " the pause is {pause_hours}."
        ),
        "One of this kind left {hours_since} before; the pause is {pause_hours}.",
        "One of this kind left too shortly before (`pause_hours`).",
    ),
    "excluded": (
        (
            "The last {after} was held out{held_out:.0} {hours_since} before, which counts as if it"
            " had left; for {hours} after it this kind is not sent."
        ),
        (
            "The last {after} left {hours_since} before; for {hours} after it this kind is not"
            " sent, which a `case_closed` event ends earlier{until_closed:.0}."
        ),
        "The last {after} left {hours_since} before; for {hours} after it this kind is not sent.",
        "A trigger left before that excludes this kind for some time.",
    ),
    "outranked": (
        "On the same occasion {by} came, which goes first; this one is asked again at {until}.",
        "On the same occasion {by} came, which goes first (this one's priority: {priority}).",
        "On the same occasion another trigger came, which goes first.",
    ),
    "too_soon": (
        "{distance_hours} have to lie between two triggers, so none may leave before {free_at}.",
        "The last trigger left too shortly before (`distance_hours`).",
    ),
    "capped": (
        "For each {per} the cap is {sent_max} in {hours}; none may leave before {free_at}.",
        "{sent} triggers still count, and no more than {sent_max} can be kept count of.",
        "A cap is reached.",
    ),
    "quiet_hours": (
        "It is quiet where the customer is ({time_zone}); it may leave at {until}.",
        "It is quiet where the customer is ({time_zone}).",
        "It is quiet where the customer is.",
    ),
    "over_budget": (
        "It hands out {asked_cents}; {spent_cents} of this partition's {budget_cents} are spent.",
        "{spent_cents} of this partition's {budget_cents} are spent.",
        "The campaign's budget for this period is spent.",
    ),
    "not_started": (
        "The campaign does not speak before {starts_at}.",
        "The campaign has not started yet.",
    ),
    "ended": (
        "The campaign has not spoken any more since {ends_at}.",
        "The campaign has ended.",
    ),
    "not_in_audience": (
        "The campaign is for others, by their {trait}.",
        "The campaign is for others (`audience`).",
    ),
    "held_out": (
        "They are among the {share} who get nothing from this campaign, to measure its effect.",
        "They get nothing from this campaign, to measure its effect.",
    ),
    "held_out_over_all": (
        "They are among the {share} who get nothing from any campaign, to measure the effect.",
        "They get nothing from any campaign, to measure the effect of all.",
    ),
    "already_held": ("One of this kind waits already.",),
    "too_many_held": (
        "{held_max} triggers wait already, and no more may.",
        "Too many triggers wait already.",
    ),
    "expired": ("It expired while it waited.",),
    "reason_gone": ("Its reason went away while it waited, says the agent.",),
    "agent_is_off": ("Its agent was switched off while it waited, or says this kind no more.",),
    "agent_failed": ("The agent's code went wrong: {error}.", "The agent's code went wrong."),
    "erased": ("The customer was erased before it was published; what it said is gone.",),
    "row_ended": ("The customer's row ended while it waited: so long nothing was heard of them.",),
    "late": ("It is about something that lies too far back (`lateness_minutes`).",),
    "follows_a_trigger": ("It would follow from another trigger at once, as none may.",),
    "timers_full": (
        "The timer {timer} could not be set: the row has as many as it may have.",
        "A timer could not be set: the row has as many as it may have.",
    ),
}


def sentence(reason: str, saw: Figures, currency: str = "") -> str:
    """A reason with the figures that it rests on. What an agent calls its reason is told as words.

    >>> sentence("paused", {"hours_since": 3.5, "pause_hours": 24.0})
    'One of this kind left 4 h before; the pause is 24 hours.'
    >>> sentence("paused", {})
    'One of this kind left too shortly before (`pause_hours`).'
    """
    if reason.startswith(_WITH):
        return f"It left together with {reason.removeprefix(_WITH)}, which goes first."
    unit = str(saw.get("currency") or currency)
    for template in SENTENCES.get(reason, ()):
        names = [name for _, name, _, _ in Formatter().parse(template) if name]
        if all(name in saw for name in names):
            return template.format_map({it: figure(it, saw[it], unit) for it in names})
    return f"{words(reason).capitalize()}."
