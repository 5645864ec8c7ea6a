"""The red team's table, as the command prints it and docs/red-team.md has it.

`python -m tests.redteam.page` writes it into the page anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from cleanroom.noise import Mechanism, Noise, reach_cost
from tests.disclosure import test_distinguishing as game
from tests.docs.reference import grid
from tests.redteam import joins, reruns, single
from tests.redteam.attack import PEOPLE, Attack, Score, blind, score

PAGE = Path(__file__).resolve().parents[2] / "docs" / "red-team.md"
ATTACKS = (*reruns.ATTACKS, *joins.ATTACKS, *single.ATTACKS)
HEAD = ("attack", "knows", "does", "learned", "held by")
DEVIATION = 6.0  # people, of the noise in the game
_THREATS = "threat-model.md#what-this-version-does-not-stop"
_PLACE = re.compile(r"(?<=<!-- generated: red team -->\n)(.*?)(?=\n<!-- end -->)", re.DOTALL)


@cache
def scored(name: str, people: int) -> Score:
    """An attack's score, played once in a process."""
    (attack,) = (one for one in ATTACKS if one.name == name)
    return score(attack, people)


def table(people: int = PEOPLE) -> str:
    """The table of all attacks, the game under noise last."""
    return _table([_row(attack, people) for attack in ATTACKS])


def without_attacks() -> list[str]:
    """Those lines of the table that no attack has to be played for."""
    return _table([]).splitlines()


def _table(attacks: list[tuple[str, ...]]) -> str:
    return grid(HEAD, [_blind(), *attacks, *_under_noise()])


def _blind() -> tuple[str, ...]:
    learned = score(replace(ATTACKS[0], play=blind), people=1).learned
    return "a blind guess", "nothing", "claims the same of everybody", f"{learned:.0%}", "chance"


def _row(attack: Attack, people: int) -> tuple[str, ...]:
    learned = scored(attack.name, people).learned
    verdict = f"nothing: [{attack.conceded}]({_THREATS})" if attack.conceded else attack.held_by
    return attack.name, attack.knows, attack.does, f"{learned:.0%}", verdict


def line(attack: Attack, people: int = PEOPLE) -> str:
    """An attack's line of the table."""
    return grid(HEAD, [_row(attack, people)]).splitlines()[-1]


def _under_noise() -> Iterator[tuple[str, ...]]:
    """The distinguishing game, which the tests play: what is learned there has a bound, no zero."""
    for mechanism in Mechanism:
        knows = "everything but the secret, and all that was drawn"
        most = f"at most {_game(mechanism)[1]:.0%}"
        yield mechanism, knows, "guesses by the likelihood", most, "the privacy budget"


def played(mechanism: Mechanism) -> tuple[float, float]:
    """What the likelihood's attacker learned of one person, and the most the budget allows."""
    noise, most = _game(mechanism)
    scores = [game.likelihood(game.seen(person, noise), noise) for person in (0, 1)]
    return game.advantage(*scores), most


def _game(mechanism: Mechanism) -> tuple[Noise, float]:
    noise = game.noise_of(mechanism, DEVIATION)
    return noise, game.bound(reach_cost(noise, {"arms": game.REACH}))


def written() -> str:
    """The table as the page has it now; raises `AttributeError` if it has no place."""
    return _PLACE.search(PAGE.read_text(encoding="utf-8")).group(1)  # type: ignore[union-attr]


def write() -> None:
    """Write the table into the page anew."""
    drawn, text = table(), PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_PLACE.sub(lambda _: drawn, text), encoding="utf-8")


if __name__ == "__main__":
    write()
