"""One linear or mixed-integer program, kept warm in HiGHS while its bounds and costs change.

An attacker asks hundreds of questions of the same system; each answer starts from the last one's
basis, which `scipy.optimize` does not offer (docs/decisions/0012). One thread and no time limits,
so that the same question has the same answer on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Numbers = NDArray[np.float64]
Positions = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Outcome(Enum):
    """How a solve ended; `STOPPED` means a limit on work came before the proof of an optimum."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    STOPPED = "stopped"


@dataclass(frozen=True, eq=False)
class Solution:
    """A minimum: `values` (n) with their objective.

    `bound` is the proven lower bound of a mixed-integer program, else the objective.
    """

    outcome: Outcome
    values: Numbers
    objective: float
    bound: float


class Program:
    """minimise cost·y with row_lower ≤ matrix·y ≤ row_upper and lower ≤ y ≤ upper; cost 0 at first.

    `matrix` is any scipy.sparse matrix (m × n). Changes of bounds and cost keep the basis.
    """

    def __init__(
        self, matrix: Any, rows: tuple[Numbers, Numbers], bounds: tuple[Numbers, Numbers]
    ) -> None:
        import highspy
        from highspy._core import _Highs

        columns = matrix.tocsc()
        lp = highspy.HighsLp()
        lp.num_row_, lp.num_col_ = columns.shape
        lp.col_cost_ = np.zeros(columns.shape[1])
        lp.col_lower_, lp.col_upper_ = bounds
        lp.row_lower_, lp.row_upper_ = rows
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_ = columns.indptr
        lp.a_matrix_.index_ = columns.indices
        lp.a_matrix_.value_ = columns.data.astype(float)
        status = highspy.HighsModelStatus
        self._outcomes = {
            status.kOptimal: Outcome.OPTIMAL,
            status.kModelEmpty: Outcome.OPTIMAL,
            status.kInfeasible: Outcome.INFEASIBLE,
            status.kUnbounded: Outcome.UNBOUNDED,
        }
        # The base of highspy.Highs, which would print a banner while it sets up callbacks.
        self._highs = _Highs()
        self.option("output_flag", "off")
        self.option("threads", 1)
        self.option("presolve", "off")  # a warm start is worth more
        self._highs.passModel(lp)
        self._every = np.arange(columns.shape[1], dtype=np.int32)
        self._whole = False

    def option(self, name: str, value: float | str) -> None:
        """Set one of HiGHS's options."""
        self._highs.setOptionValue(name, value)

    def cost(self, costs: Numbers) -> None:
        """Replace all costs (n)."""
        self._highs.changeColsCost(len(self._every), self._every, costs)

    def cost_of(self, column: int, cost: float) -> None:
        """Replace the cost of one column."""
        self._highs.changeColCost(column, cost)

    def bounds(self, lower: Numbers, upper: Numbers) -> None:
        """Replace all bounds (n, n)."""
        self._highs.changeColsBounds(len(self._every), self._every, lower, upper)

    def bounds_of(self, column: int, lower: float, upper: float) -> None:
        """Replace the bounds of one column."""
        self._highs.changeColBounds(column, lower, upper)

    def add_row(self, lower: float, upper: float, coefficients: Numbers) -> None:
        """Add one row, given densely (n)."""
        places = np.flatnonzero(coefficients).astype(np.int32)
        self._highs.addRow(lower, upper, len(places), places, coefficients[places])

    def require_whole(self, columns: Sequence[int] | Positions) -> None:
        """Make columns integer: the program is then mixed-integer, and presolve pays."""
        import highspy

        places = np.asarray(columns, dtype=np.int32)
        kinds = np.full(len(places), highspy.HighsVarType.kInteger)
        self._highs.changeColsIntegrality(len(places), places, kinds)
        self.option("presolve", "on")
        self._whole = True

    def start_from(self, values: Numbers) -> None:
        """Offer a feasible point to a mixed-integer program."""
        self._highs.setSolution(len(self._every), self._every, values)

    def basis(self) -> Any:
        """Where the last solve ended, to `resume` from."""
        return self._highs.getBasis()

    def resume(self, basis: Any) -> None:
        """Start the next solve where an earlier one ended."""
        self._highs.setBasis(basis)

    def solve(self) -> Solution:
        """Solve from where the last solve ended; from scratch, where that leads nowhere."""
        self._highs.run()
        outcome = self._outcome()
        if outcome is not Outcome.OPTIMAL and not self._whole:
            self._highs.clearSolver()
            self._highs.run()
            outcome = self._outcome()
        info = self._highs.getInfo()
        objective = float(info.objective_function_value)
        return Solution(
            outcome=outcome,
            values=np.array(self._highs.getSolution().col_value),
            objective=objective,
            bound=float(info.mip_dual_bound) if self._whole else objective,
        )

    def _outcome(self) -> Outcome:
        return self._outcomes.get(self._highs.getModelStatus(), Outcome.STOPPED)

    def duals(self) -> tuple[Numbers, Numbers]:
        """The reduced costs (n) and the rows' duals (m) of the last solve of a linear program."""
        found = self._highs.getSolution()
        return np.array(found.col_dual), np.array(found.row_dual)
