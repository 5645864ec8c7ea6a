"""What the package declares is what it needs, what the lock pins and what conda installs."""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import entry_points, packages_distributions, version
from pathlib import Path

import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "cleanroom"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()
# They run in interpreters of their own, with locks of their own, and by these distributions.
APART = {
    ROOT / "benchmarks" / "peer_scripts": {
        "private-set-intersection": "openmined-psi",
        "spu": "spu",
    },
    # numpy, scikit-learn and statsmodels come with it.
    ROOT / "benchmarks" / "oracle_scripts": {"doubleml": "doubleml"},
}
DISTRIBUTIONS = packages_distributions()

CONDA_NAMES = {
    "duckdb": "python-duckdb",
    "jupyter-server": "jupyter_server",
    "tzdata": "python-tzdata",
}
# Which part of the package may use which extra; a part not named here has the core alone, so that
# a platform installs and audits no more than `party` needs.
EXTRAS = {
    **dict.fromkeys(("studies", "simulation", "numbers", "behind"), ("room",)),
    "room": ("room", "spark"),
    "gate": ("room", "privacy"),
    **dict.fromkeys(("outside", "bench", "desk"), ("room", "lab")),
}
# Needed, though no module imports it.
UNIMPORTED = {
    "ipykernel": "runs the notebooks",
    "jupyterlab": "the analyst's workbench",
    "tzdata": "time zones where the system has none",
}


def declared(*extras: str) -> dict[NormalizedName, Requirement]:
    """The requirements of the core and of some extras, by name, without the package itself."""
    texts = [
        *PROJECT["dependencies"],
        *(text for extra in extras for text in PROJECT["optional-dependencies"][extra]),
    ]
    found = (Requirement(text) for text in texts)
    return {canonicalize_name(r.name): r for r in found if r.name != "cleanroom"}


def everything() -> dict[NormalizedName, Requirement]:
    return declared(*PROJECT["optional-dependencies"])


def pins() -> list[Requirement]:
    lines = LOCK.replace("\\\n", " ").splitlines()
    return [Requirement(re.sub(r"\s+--hash=\S+", "", line)) for line in lines]


@cache
def third_party(place: Path) -> frozenset[NormalizedName]:
    """The distributions that a module, or a folder's modules, import; those apart if asked for."""
    files = [*place.rglob("*.py")] or [place.with_suffix(".py")]
    files = [file for file in files if place in APART or file.parent not in APART]
    found = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add((node.module or "").split(".")[0])
    found -= {"cleanroom", "tests", "benchmarks", *sys.stdlib_module_names}
    return frozenset(canonicalize_name(DISTRIBUTIONS.get(name, [name])[0]) for name in found)


PARTS = sorted(
    {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")}
)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_imports_only_what_its_extras_declare(part: str) -> None:
    assert third_party(PACKAGE / part) <= set(declared(*EXTRAS.get(part, ())))


@pytest.mark.parametrize("folder", ["tests", "benchmarks"])
def test_what_tests_and_benchmarks_import_is_declared(folder: str) -> None:
    used = third_party(ROOT / folder)
    assert used
    assert used <= set(everything())


@pytest.mark.parametrize("scripts", APART, ids=lambda scripts: scripts.name)
def test_the_lock_of_scripts_apart_pins_what_they_import(scripts: Path) -> None:
    asked = (scripts / "requirements.in").read_text().splitlines()
    named = {APART[scripts].get(name) for name in third_party(scripts) - set(everything())}
    assert named == {r.split("==")[0] for r in asked}
    lock = (scripts / "requirements.lock").read_text()
    assert [one for one in asked if f"{one} \\\n    --hash=sha256:" not in lock] == []


def test_nothing_is_declared_that_is_not_needed() -> None:
    used = {name for part in PARTS for name in third_party(PACKAGE / part)}
    assert set(declared("room", "lab")) - used == set(UNIMPORTED)


@pytest.mark.parametrize("requirement", everything().values(), ids=str)
def test_a_requirement_has_a_lower_and_an_upper_bound(requirement: Requirement) -> None:
    bounds = {specifier.operator for specifier in requirement.specifier}
    assert bounds == ({">="} if requirement.name == "tzdata" else {">=", "<"})


def test_the_lock_pins_everything_within_its_bounds() -> None:
    here = {
        canonicalize_name(pin.name): next(iter(pin.specifier)).version
        for pin in pins()
        if not pin.marker or pin.marker.evaluate()
    }
    outside = [
        str(requirement)
        for name, requirement in everything().items()
        if (not requirement.marker or requirement.marker.evaluate())
        and (name not in here or not requirement.specifier.contains(here[name]))
    ]
    assert outside == []


def test_every_pin_is_exact_and_has_hashes() -> None:
    blocks = re.split(r"\n(?=\S)", LOCK.strip())
    assert len(blocks) == len(pins()) > 100
    for block in blocks:
        assert re.match(r"[a-z0-9.-]+==\S+( ; [^\\]+)? \\\n", block), block.splitlines()[0]
        assert block.count("--hash=sha256:") >= 1


def test_the_lock_names_no_address_and_no_path() -> None:
    assert re.findall(r"^.*(?:://|@|--index|--find|^#|\s/).*$", LOCK, flags=re.MULTILINE) == []


def test_conda_has_the_same_packages_with_the_same_bounds() -> None:
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    from_pip = [line for entry in listed if isinstance(entry, dict) for line in entry["pip"]]
    texts = [entry for entry in listed if isinstance(entry, str)] + from_pip
    assert "--editable ." in from_pip
    conda = {r.name: r.specifier for r in map(Requirement, set(texts) - {"pip", "--editable ."})}
    expected = {CONDA_NAMES.get(name, name): r.specifier for name, r in everything().items()}
    assert conda == expected | {
        "python": Requirement(f"python{PROJECT['requires-python']}").specifier
    }


def test_the_installed_command_is_this_package() -> None:
    (command,) = entry_points(group="console_scripts", name="cleanroom")
    assert command.load().__module__ == "cleanroom.cli"
    assert version("cleanroom") == PROJECT["version"]


def test_the_tile_of_jupyterlab_is_of_the_same_version() -> None:
    described = json.loads((ROOT / "jupyter" / "launcher" / "package.json").read_text())
    assert described["version"] == PROJECT["version"]
    assert (ROOT / "jupyter" / "launcher" / described["jupyterlab"]["_build"]["load"]).is_file()


def test_a_wheel_carries_code_templates_texts_and_styles_and_no_notebooks() -> None:
    packed = {file.relative_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    data = {".py", ".html", ".css", ".j2", ".po", ".typed"}
    wanted = {
        path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*") if path.suffix in data
    }
    assert packed == wanted | {"cleanroom/py.typed"}
