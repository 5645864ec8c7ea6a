"""Who may import whom: the folder tree is the privacy claim, and this test holds it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "cleanroom"
MODULES = {file.relative_to(PACKAGE).as_posix(): file for file in PACKAGE.rglob("*.py")}

VOCABULARY = frozenset(
    {
        "absences",
        "agreement",
        "agreement_file",
        "behind",
        "borders",
        "builders",
        "consent",
        "drawable",
        "errors",
        "evidence",
        "keyring",
        "layout",
        "ledger",
        "mailbox",
        "matching",
        "message",
        "noise",
        "numbers",
        "places",
        "policy",
        "review",
        "sealing",
        "signing",
        "stepwise",
        "streams",
        "study",
        "tables",
        "withholding",
    }
)
ZONES = frozenset({"party", "room", "gate", "outside"})
# Part of the package → the other parts it may import. A part that is not named here may not be.
MAY_IMPORT = {
    **dict.fromkeys(VOCABULARY | ZONES | {"studies", "simulation"}, VOCABULARY),
    "room": VOCABULARY | {"studies"},
    "bench": VOCABULARY | ZONES | {"studies", "simulation"},
    "desk": VOCABULARY | ZONES,
    "cli": VOCABULARY | ZONES | {"studies", "simulation", "bench", "desk"},
    "__main__": frozenset({"cli"}),
    "__init__": frozenset[str](),  # names its story in strings, loaded when first used
}
MAY_ENCRYPT = ("signing.py", "keyring.py", "sealing.py", "party/")
NO_NAMES = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}


def imported(source: str) -> Iterator[str]:
    """Every name that a module imports, wherever in it: `from a import b` gives `a.b`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            yield from (f"{origin}.{alias.name}" for alias in node.names)
        elif getattr(node, "id", getattr(node, "attr", "")) in {"import_module", "__import__"}:
            yield "importlib.import_module"


def breaches(module: str, source: str) -> list[str]:
    """What a module (`room/vault.py`) imports against the rules."""
    part = module.removesuffix(".py").split("/")[0]
    allowed = MAY_IMPORT.get(part, frozenset()) | {part}
    found = []
    for name in imported(source):
        package, _, inner = name.partition(".")
        if (
            package == ""  # relative: says less than the full name
            or (package == "cleanroom" and inner.split(".")[0] not in allowed)
            or (package == "cryptography" and not module.startswith(MAY_ENCRYPT))
            or (name == "importlib.import_module" and part != "__init__")
        ):
            found.append(f"{module} imports {name}")
    return found


def test_the_package_has_modules_in_every_part() -> None:
    found = {module.removesuffix(".py").split("/")[0] for module in MODULES}
    assert found == set(MAY_IMPORT)


def test_imports_follow_the_rules() -> None:
    assert [b for module, file in MODULES.items() for b in breaches(module, file.read_text())] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("errors.py", "from cleanroom.party.keys import load_keys"),
        ("party/keys.py", "import cleanroom.room.vault"),
        ("gate/protect.py", "def protect():\n    from cleanroom.room import vault"),
        ("gate/protect.py", "from cleanroom.studies.lift import lift"),
        ("outside/report.py", "if TYPE_CHECKING:\n    from cleanroom.gate.protect import protect"),
        ("outside/report.py", "from cleanroom import protect"),
        ("outside/report.py", "import cleanroom"),
        ("studies/lift.py", "from ..room import journeys"),
        ("studies/lift.py", "from importlib import import_module"),
        ("studies/lift.py", "import importlib\nimportlib.import_module(name)"),
        ("simulation/world.py", "from cleanroom.bench.run import run"),
        ("desk/queue.py", "from cleanroom.bench.run import run"),
        ("bench/run.py", "from cleanroom.cli import app"),
        ("room/link.py", "from cryptography.hazmat.primitives import hmac"),
        ("notions/new.py", "from cleanroom.errors import CleanroomError"),
    ],
)
def test_a_planted_breach_is_found(module: str, source: str) -> None:
    assert len(breaches(module, source)) >= 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("party/keys.py", "import cryptography\nfrom cleanroom.signing import sign"),
        ("room/panel.py", "from cleanroom.studies import lift\nfrom cleanroom.room import link"),
        ("cli.py", "from cleanroom.bench.run import run\nfrom importlib.metadata import version"),
    ],
)
def test_what_is_allowed_is_no_breach(module: str, source: str) -> None:
    assert breaches(module, source) == []


def test_modules_are_named_for_what_they_hold() -> None:
    assert [m for m in MODULES if NO_NAMES & set(m.removesuffix(".py").split("/"))] == []


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_says_what_it_is_for_and_stays_small(module: str) -> None:
    source = MODULES[module].read_text()
    assert ast.get_docstring(ast.parse(source)), f"{module} has no docstring"
    assert source.count("\n") <= 350, f"{module} has more than one reason to change"
