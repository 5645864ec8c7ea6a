"""An attack, and how it is scored: played in both rooms of every twin, against a blind guess.

An attack is deterministic and claims only what it is sure of. `learned` is the share of rooms about
which it claimed the truth, less those about which it claimed the opposite: a membership advantage
(Yeom et al. 2018, CSF), which is 0 for whoever guesses without looking, as half the rooms have the
secret. 100 %: it always knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.redteam.worlds import Outlet, Scene

PEOPLE = 2  # each in a twin of their own


@dataclass(frozen=True)
class Attack:
    """One way to learn a secret.

    `scene(n)`: the n-th person's twin. `play`: what the attack claims, None: nothing. It sees an
    outlet and the scene's common rows, of which it uses what `knows` says. `held_by`: what stops
    it, a rule's id or what else; `conceded`: the point of the threat model that says: nothing.
    """

    name: str
    knows: str
    does: str
    scene: Callable[[int], Scene]
    play: Callable[[Outlet, Scene], bool | None]
    held_by: str = ""
    conceded: str = ""


@dataclass(frozen=True)
class Score:
    """Of so many rooms, about how many the attack claimed something, right or wrong."""

    rooms: int
    right: int
    wrong: int

    @property
    def learned(self) -> float:
        """From 0 to 1; below 0 if it is misled."""
        return (self.right - self.wrong) / self.rooms


def blind(_outlet: Outlet, _scene: Scene) -> bool:
    """The baseline: a guess that sees nothing; every guess has the same expected score."""
    return True


def score(attack: Attack, people: int = PEOPLE) -> Score:
    """Play an attack on so many people."""
    claims = [
        (secret, _claim(attack, attack.scene(number), secret=secret))
        for number in range(people)
        for secret in (True, False)
    ]
    right = sum(claim is secret for secret, claim in claims)
    wrong = sum(claim is not None and claim is not secret for secret, claim in claims)
    return Score(len(claims), right, wrong)


def _claim(attack: Attack, scene: Scene, *, secret: bool) -> bool | None:
    with Outlet(scene, secret=secret) as outlet:
        return attack.play(outlet, scene)


def by_difference(first: float | None, second: float | None, unit: float = 1) -> bool | None:
    """What two numbers say of the one person by whom their cells may differ.

    A number that was there and then is not was kept back for being too close: that says it too.
    """
    if first is None:
        return None
    if second is None:
        return True
    return {0.0: False, unit: True}.get(abs(first - second))
