"""How are figures told? Ours, the plain ones, the goal: one row each, for people and for pages."""

from collections.abc import Iterable

from msgspec import Struct
from rich.table import Table

from bench.score.found import KINDS, Found
from bench.score.scored import Figure, Interval
from bench.score.tasks import TITLES


class Row(Struct, frozen=True):
    """A figure in words. reached: yes, no, or nothing where there is no goal."""

    figure: str
    ours: str
    ahead: str
    plain: str
    goal: str
    reached: str


COLUMNS = ("figure", "ours (95 %)", "ours less the best plain one", "plain ones", "goal", "reached")


def row(figure: Figure) -> Row:
    """What is said of one figure."""
    ours, best = figure.by[figure.ours], best_plain(figure)
    lead = figure.ahead.get(best)
    bound = "at most" if figure.less_is_better else "at least"
    return Row(
        figure.name,
        "; ".join([_told(ours), *_otherwise(figure)]),
        _told(lead, "+") if lead else "",
        ", ".join(f"{who} {number(it.value)}" for who, it in figure.plain.items()),
        "" if figure.goal is None else f"{bound} {number(figure.goal)}",
        _reached(figure),
    )


def _reached(figure: Figure) -> str:
    """Whether the goal is; in more places where it is missed by less than is shown."""
    if figure.goal is None:
        return ""
    value = figure.by[figure.ours].value
    is_near = not figure.reached and number(value) == number(figure.goal)
    return "yes" if figure.reached else f"no: {value:.4f}" if is_near else "no"


def _otherwise(figure: Figure) -> list[str]:
    """Ours under other conditions, in brief."""
    return [
        f"{who.removeprefix(figure.ours).strip(', ')}: {number(it.value)}"
        for who, it in figure.by.items()
        if who != figure.ours and who not in figure.plain
    ]


def best_plain(figure: Figure) -> str:
    """Who of the plain ones comes nearest to ours, or passes it; empty where there is none."""
    return next(iter(figure.plain), "")


def number(value: float, sign: str = "") -> str:
    """Three places of what is small, and thousands by themselves.

    >>> number(0.8594), number(-0.02, "+"), number(1234.5)
    ('0.859', '-0.020', '1,234')
    """
    size = abs(value)
    places = 3 if size < 10 else 1 if size < 1_000 else 0
    return f"{value:{sign},.{places}f}"


def _told(it: Interval, sign: str = "") -> str:
    """With its interval, unless it has none: a speed that was measured once, say."""
    value, low, high = (number(of, sign) for of in (it.value, it.low, it.high))
    return value if low == value == high else f"{value} ({low} to {high})"


# For people ---------------------------------------------------------------------------------------


def for_terminal(found: Found, names: Iterable[str]) -> Table:
    """One table of these tasks."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("task", *COLUMNS):
        table.add_column(column, ratio=3 if column == "plain ones" else None)
    for name in names:
        for place, it in enumerate(map(row, found.tasks[name].figures)):
            colour = {"yes": "green", "no": "red"}.get(it.reached[:3].rstrip(":"), "dim")
            table.add_row("" if place else name, it.figure, it.ours, it.ahead, it.plain, it.goal,
                          f"[{colour}]{it.reached}[/]")  # fmt: skip
        table.add_section()
    return table


# For pages ----------------------------------------------------------------------------------------


def for_readme(found: Found) -> list[str]:
    """The figures that have a goal, beside the best plain one."""
    goals = [
        it.reached for task in found.tasks.values() for it in task.figures if it.goal is not None
    ]
    lines = [f"{sum(map(bool, goals))} of {len(goals)} goals are reached.", ""]
    lines += _head("question", "figure", "ours (95 %)", "best plain one", "goal", "reached")
    for name, task in found.tasks.items():
        title = TITLES[name]
        for figure in task.figures:
            if figure.goal is None:
                continue
            it, best = row(figure), best_plain(figure)
            plain = f"{best}: {number(figure.by[best].value)}" if best else ""
            lines.append(_cells(title, it.figure, it.ours, plain, it.goal, it.reached))
            title = ""
    return lines


def for_page(found: Found) -> list[str]:
    """The pictures; then each task with what was done, its figures, and what else is to be said."""
    drawn = {it.kind for task in found.tasks.values() for it in task.curves}
    lines: list[str] = []
    for kind in (it for it in KINDS if it in drawn):
        lines += [f"![{KINDS[kind]}](score-{kind}.svg)", ""]
    for name, task in found.tasks.items():
        lines += [f"### {TITLES[name]}", "", task.about, "", *_head(*COLUMNS)]
        lines += [
            _cells(it.figure, it.ours, it.ahead, it.plain, it.goal, it.reached)
            for it in map(row, task.figures)
        ]
        lines += ["", *(f"- {note}" for note in task.notes), *([""] if task.notes else [])]
        lines += [f"`make score ARGS='--only {name}'`: {task.cpu_s:,.0f} s of CPU.", ""]
    for name, why in (found.left_out | found.failed).items():
        lines += [f"### {TITLES[name]}", "", f"Not scored: {why}", ""]
    return lines[:-1]


def _head(*columns: str) -> list[str]:
    return [_cells(*columns), _cells(*("---" for _ in columns))]


def _cells(*texts: str) -> str:
    return "| " + " | ".join(it.replace("|", "\\|") for it in texts) + " |"
