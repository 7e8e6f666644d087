"""The rules of the house: each takes a source and yields ``line: what is wrong`` for every place.

A rule with exceptions names each of them with its reason; `test_tidy` fails when an exception is not needed
any more. Words that must not stand in a file are spelled with a bracket here, so that this file may stand.
"""

import ast
import re
from collections.abc import Callable, Iterator

from tests.tidy.sources import Source, dotted

Rule = Callable[[Source], Iterator[str]]

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500

UNFINISHED = re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b|NotImplemente[d]Error")
REGISTRY_OR_MACHINE = re.compile(
    r"pypi[.]org|python[h]osted|registry[.]npmjs|deb[.]debian|(?:^|[^a-z.])/(?:wor[k]|far[m])/", re.IGNORECASE
)

# The named supervision boundaries: (file, function) -> what it does with whatever was raised.
SUPERVISION_BOUNDARIES: dict[tuple[str, str], str] = {
    ("daemon/cli/app.py", "run"): "tells a person what was foreseen and raises what was not",
    ("events/appending.py", "append"): "gives up the connection, whose state is unknown, and raises",
    ("events/appending.py", "adopt"): "gives up the connection, whose state is unknown, and raises",
    ("events/postgres.py", "_driver"): "gives up the connection, whose state is unknown, and raises",
    ("sdk/backfilld/worker/zygote.py", "_load"): "importing is user code: what it raised is told",
    ("sdk/backfilld/worker/zygote.py", "_become"): "a child ends here; it must not enter the zygote's loop",
    ("sdk/backfilld/worker/asset_run.py", "execute"): "user code: what it raised is its partitions' failure",
    ("tests/conformance/judging.py", "_verdict"): "a case that crashes us is told, and the others are judged",
    ("tests/simulation/simulation.py", "simulate"): "a simulation that crashes is told with its seed",
    ("sdk/backfilld/worker/plain.py", "_text_of"): "a user's __str__; the text says what was raised",
    ("sdk/backfilld/worker/plain.py", "_traceback_of"): "formatting asks user code; the failure goes without",
}

# The only readers of the wall clock and the only sleepers: path prefix -> why.
CLOCKS: dict[str, str] = {
    "daemon/clock.py": "the clock port",
    "sdk/backfilld/clock.py": "a user's own question that names no time means now; the daemon names one",
    "events/pgserver.py": "waits for a file lock of another process, in a thread; flock takes no time limit",
    "sdk/backfilld/worker/": "a worker stamps its own report; no daemon clock reaches it",
}

READS_CLOCK = frozenset(
    {
        "time.sleep",
        "time.time",
        "time.time_ns",
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "pendulum.now",
        "pendulum.today",
    }
)

# Where `data` is the field's own word: path prefix -> why.
DATA_IS_MEANT: dict[str, str] = {
    "events/": "the envelope's column of the fact's own JSON, so named in the design",
    "daemon/web/pages/signing_in.py": "the framework's name for what is given a request's body",
    "daemon/operations/log/shown.py": "the same column, as the command line's JSON names it",
}


def files_are_short(source: Source) -> Iterator[str]:
    """Files of up to 500 lines."""
    lines = source.text.count("\n")
    if lines > FILE_LINES_MAX:
        yield f"{lines} lines in one file"


def functions_are_short(source: Source) -> Iterator[str]:
    """Functions of up to 70 lines, decorators aside."""
    for node in functions(source.tree):
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield f"{node.lineno}: {node.name} has {lines} lines"


def what_is_public_is_described(source: Source) -> Iterator[str]:
    """A docstring on every shipped module, and on every public class and function of it."""
    if source.is_shipped:
        if source.text.strip() and not ast.get_docstring(source.tree):
            yield "1: the module has no docstring"
        yield from undescribed(source.tree.body)


def undescribed(body: list[ast.stmt]) -> Iterator[str]:
    """Public definitions without a docstring; an override inherits its own."""
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if node.name.startswith("_"):
            continue
        decorators = {dotted(decorator).split(".")[-1] for decorator in node.decorator_list}
        if not ast.get_docstring(node) and not decorators & {"override", "overload", "setter"}:
            yield f"{node.lineno}: {node.name} has no docstring"
        if isinstance(node, ast.ClassDef):
            yield from undescribed(node.body)


def names_say_what_they_mean(source: Source) -> Iterator[str]:
    """No `Manager`, `utils`, `helpers`, `data`, and no function called `process`."""
    for part in source.path.removesuffix(".py").split("/"):
        if vague(part):
            yield f"1: the path has {part!r}"
    data_is_meant = source.path.startswith(tuple(DATA_IS_MEANT))
    for line, name in bound_names(source.tree):
        if vague(name) and not (name == "data" and data_is_meant):
            yield f"{line}: {name!r}"
    for node in functions(source.tree):
        if node.name == "process":
            yield f"{node.lineno}: a function called 'process'"


def vague(name: str) -> bool:
    """Whether the name says nothing about its subject."""
    words = name.lower().split("_")
    return (
        "Manager" in name or words[-1] in {"manager", "utils", "util", "helpers", "helper"} or name == "data"
    )


def bound_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """``(line, name)`` of every class, function, parameter and assigned name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


def tasks_have_owners(source: Source) -> Iterator[str]:
    """Tasks are started in anyio task groups only."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] in {
            "create_task",
            "ensure_future",
        }:
            yield f"{node.lineno}: {dotted(node.func)}()"


def nothing_swallows_everything(source: Source) -> Iterator[str]:
    """Only the named supervision boundaries catch whatever is raised."""
    for line, function in catches_everything(source):
        if (source.path, function) not in SUPERVISION_BOUNDARIES:
            yield f"{line}: {function or 'the module'} catches everything"


def catches_everything(source: Source) -> Iterator[tuple[int, str]]:
    """``(line, enclosing function)`` of every ``except`` or ``suppress`` that takes in any `Exception`."""
    everything = {"Exception", "BaseException"}
    for node, function in with_function(source.tree, ""):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(one is None or dotted(one) in everything for one in caught):
                yield node.lineno, function
        elif isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] == "suppress":
            yield from ((node.lineno, function) for one in node.args if dotted(one) in everything)


def with_function(node: ast.AST, function: str) -> Iterator[tuple[ast.AST, str]]:
    """Every node below, with the name of the innermost function around it."""
    for child in ast.iter_child_nodes(node):
        inner = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
        yield child, inner
        yield from with_function(child, inner)


def time_is_given(source: Source) -> Iterator[str]:
    """Only the clocks read the wall clock or sleep; everything else is given the time."""
    if source.path.startswith(tuple(CLOCKS)):
        return
    for line, name in clock_readings(source):
        yield f"{line}: {name}"


def clock_readings(source: Source) -> Iterator[tuple[int, str]]:
    """``(line, name)`` of every mention of a function that reads the wall clock or sleeps."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute):
            name = ".".join(dotted(node).split(".")[-2:])
            if name in READS_CLOCK:
                yield node.lineno, name
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            for alias in node.names:
                if f"time.{alias.name}" in READS_CLOCK:
                    yield node.lineno, f"time.{alias.name}"


def nothing_is_left_unfinished(source: Source) -> Iterator[str]:
    """No notes for later and no bodies that only say they are missing."""
    for number, line in enumerate(source.text.splitlines(), 1):
        if found := UNFINISHED.search(line):
            yield f"{number}: {found.group()}"


def tests_always_run(source: Source) -> Iterator[str]:
    """No test is left out or allowed to fail."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and re.fullmatch(
            r"(?:pytest|mark|unittest)\.(?:.+\.)?(?:skip|skipif|xfail|importorskip)", dotted(node)
        ):
            yield f"{node.lineno}: {dotted(node)}"


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method, nested ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


RULES: tuple[Rule, ...] = (
    files_are_short,
    functions_are_short,
    what_is_public_is_described,
    names_say_what_they_mean,
    tasks_have_owners,
    nothing_swallows_everything,
    time_is_given,
    nothing_is_left_unfinished,
    tests_always_run,
)
