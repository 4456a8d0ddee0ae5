"""Tidiness: files hold one idea, functions fit a screen, names say something, there are two doors."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeGuard

from agents.roster import known_agents

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "state", "agents", "streams", "config")

FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 70

# Files that may be longer, each with its reason. There should be none.
LONG_FILES: dict[str, str] = {}

# Names that say nothing of what is inside.
EMPTY_NAMES = {"util", "utils", "helper", "helpers", "common", "base", "manager", "misc"}

# The core takes time from the records and derives ids from their cause.
CORE = ("schemas", "state", "agents")
CLOCKS = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns",
    "time.monotonic", "time.perf_counter", "asyncio.sleep", "os.urandom", "uuid.uuid4",
    "uuid.uuid1",
}  # fmt: skip
CHANCE = {"random", "secrets", "time", "uuid"}

KAFKA = {"aiokafka", "confluent_kafka", "faust", "mode"}


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def tops_of(path: Path) -> frozenset[str]:
    """The packages that a file imports from, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return frozenset(module.split(".")[0] for module in found)


def mentioned_in(path: Path) -> frozenset[str]:
    """The dotted names that a file mentions, by their last two words."""
    nodes = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute))
    return frozenset(".".join(ast.unparse(node).split(".")[-2:]) for node in nodes)


def is_class(node: ast.AST) -> TypeGuard[ast.ClassDef]:
    return isinstance(node, ast.ClassDef)


def words_of(name: str) -> set[str]:
    """The words of a name, be it written with capitals or with underscores."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}


def functions_in(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


CODE = sources(*PACKAGES)
TESTS = sources("tests")


def test_there_is_something_to_look_at() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in CODE} == set(PACKAGES)
    assert Path(__file__) in TESTS


def test_a_file_holds_one_idea_and_is_no_longer_than_that() -> None:
    lines = {name_of(it): len(it.read_text("utf-8").splitlines()) for it in (*CODE, *TESTS)}
    long = {name: count for name, count in lines.items() if count > FILE_LINES_MAX}
    assert long.keys() == LONG_FILES.keys(), long


def test_a_function_fits_a_screen() -> None:
    long = [
        f"{name_of(path)}: {function.name} has {lines} lines"
        for path in (*CODE, *TESTS)
        for function in functions_in(path)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_a_file_opens_with_what_it_is_about() -> None:
    openings = {name_of(it): ast.get_docstring(tree_of(it)) or "" for it in (*CODE, *TESTS)}
    wrong = {it: text for it, text in openings.items() if not re.match(r".*[.?](\n|$)", text)}
    assert wrong == {}


def test_an_init_file_holds_one_docstring() -> None:
    inits = [path for path in CODE if path.name == "__init__.py"]
    full = [name_of(path) for path in inits if len(tree_of(path).body) != 1]
    assert len(inits) >= len(PACKAGES)
    assert full == []


def test_a_name_says_what_is_inside() -> None:
    names = {
        (name_of(path), name)
        for path in CODE
        for name in (path.stem, *(it.name for it in ast.walk(tree_of(path)) if is_class(it)))
    }
    assert [it for it in names if words_of(it[1]) & EMPTY_NAMES] == []


def test_the_core_has_no_clock_and_throws_no_dice() -> None:
    core = sources(*CORE)
    assert {name_of(it): found for it in core if (found := tops_of(it) & CHANCE)} == {}
    assert {name_of(it): found for it in core if (found := mentioned_in(it) & CLOCKS)} == {}


def test_only_streams_opens_kafka() -> None:
    outside = sources(*(it for it in PACKAGES if it != "streams"))
    assert [name_of(it) for it in outside if tops_of(it) & KAFKA] == []


def test_only_the_redis_client_opens_redis() -> None:
    openers = [name_of(path) for path in CODE if "redis" in tops_of(path)]
    assert openers == ["state/redis_client.py"]


def test_an_agent_knows_no_other_agent() -> None:
    agents = {f"agents.{name}" for name in known_agents()}
    for path in sources("agents"):
        imported = set[str]()
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ImportFrom):
                imported |= {f"{node.module}", *(f"{node.module}.{it.name}" for it in node.names)}
        assert imported & agents == set(), name_of(path)


def test_packages_are_imported_by_their_full_path() -> None:
    relative = [
        name_of(path)
        for path in CODE
        if any(isinstance(it, ast.ImportFrom) and it.level for it in ast.walk(tree_of(path)))
    ]
    assert relative == []


def test_a_tests_name_is_a_sentence_that_states_a_fact() -> None:
    names = [it.name.split("_") for path in TESTS for it in functions_in(path)]
    sentences = [words for words in names if words[0] == "test"]
    # Two words after "test" are a topic; a sentence has a verb as well.
    assert ["_".join(it) for it in sentences if "should" in it or len(it) < 4] == []


def test_the_tests_are_flat() -> None:
    # A package tests/agents would shadow agents/.
    assert all(path.parent == ROOT / "tests" for path in TESTS)
