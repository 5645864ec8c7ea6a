"""An attack, and how it is scored: played in both rooms of every twin, against a blind guess.

An attack is deterministic; what says nothing to it, it claims nothing of. `learned` is the share of
rooms about which it claimed the truth, less those about which it claimed the opposite: a membership
advantage (Yeom et al. 2018, CSF), which is 0 for whoever guesses without looking, as half the rooms
have the secret. 100 %: it always knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.redteam.worlds import Outlet, Scene

PEOPLE = 1  # each in a twin of their own
FEW = 12  # others beside the target, of whom the attacker knows what they did


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


def by_difference(
    first: float | None, second: float | None, others: int = 0, unit: float = 1
) -> bool | None:
    """What two numbers say of the target, by whom and by so many `others` they may differ.

    Silence is read as well: a number that is withheld though the first was told is near to it.
    """
    if first is None:
        return None
    if second is None:
        return True
    return {others * unit: False, (others + 1) * unit: True}.get(abs(first - second))
