"""What a table is made of: the columns behind its dimensions and measures, and what each may do.

A layout is checked when it is written down, so before anything runs: an identifier that is grouped
by, or an amount that is counted, is an error where a study is defined, not where it is answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

from cleanroom.errors import BorderError, did_you_mean
from cleanroom.tables import COLUMNS, Role

_TOKEN = "^[0-9a-f]{64}$"


class Use(StrEnum):
    """What an output makes of a column."""

    GROUP = "grouped by"
    COUNT = "counted distinct"
    SUM = "summed"
    ESTIMATE = "estimated with"


@dataclass(frozen=True)
class ColumnClass:
    """What the columns of a role may be used for in an output; `says` is that in words."""

    uses: frozenset[Use]
    says: str


CLASSES: dict[Role, ColumnClass] = {
    Role.IDENTIFIER: ColumnClass(frozenset({Use.COUNT}), "counted distinct, nothing else"),
    Role.JOIN_KEY: ColumnClass(
        frozenset({Use.COUNT}), "joined on inside the room; counted distinct, nothing else"
    ),
    Role.EVENT: ColumnClass(frozenset({Use.COUNT}), "counted distinct: so many events or orders"),
    Role.TIME: ColumnClass(frozenset(), "never output; it only decides what counts"),
    Role.DIMENSION: ColumnClass(
        frozenset({Use.GROUP, Use.ESTIMATE}), "grouped by, or adjusted for in an estimate"
    ),
    Role.MEASURE: ColumnClass(
        frozenset({Use.SUM, Use.ESTIMATE}),
        "summed over people, or averaged or adjusted for in an estimate",
    ),
}


class Parts(StrEnum):
    """How a measure's total is made of its parts: of notes, of days."""

    ADD = "add up"  # events, amounts: each row stands in one part
    OVERLAP = "overlap"  # distinct people: one may stand in several parts
    WITHIN = "lie within"  # each part is at most the total; of their sum nothing is known
    FREE = "are free"  # nothing is known


@dataclass(frozen=True)
class Dimension:
    """A dimension: `columns` whose values it holds, or the study's own `categories`.

    `total`: the code of the row of all together, if there is one. `parents`: child → parent, each
    a code of this dimension (note → creator → campaign); without a parent it is a part of `total`.
    `parts`: whether the categories are parts of one number (weeks, kinds of customers), which may
    be added up, and not numbers of different kinds (steps).
    """

    name: str
    columns: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    total: str | None = None
    parents: Mapping[str, str] = field(default_factory=dict, hash=False)
    parts: bool = False

    @property
    def sums(self) -> bool:
        """Whether some of its rows are made of others."""
        return self.total is not None or bool(self.parents)


@dataclass(frozen=True)
class Measure:
    """A measure, and the `columns` it comes from, each as `table.column`.

    `of`: the categories it is a measure of, where others come from other columns; none: of all.
    `adds_up`: nobody is behind two of a merchant's cells, so that values and people add up.
    `parts`: how its totals, and longer periods, are made of parts where what one person counts is
    not bounded.

    An estimate is computed in the room, where the rows are, and `rests_on` counts of people of the
    same table: it leaves only where all of them do. It leaves as a multiple of `grain`, or of a
    tenth of its standard error, which the measure `error` holds (for an error that is itself).
    """

    name: str
    use: Use
    columns: tuple[str, ...]
    of: tuple[str, ...] = ()
    adds_up: bool = False
    parts: Parts = Parts.WITHIN
    rests_on: tuple[str, ...] = ()
    error: str = ""
    grain: float = 0.0


@dataclass(frozen=True)
class Place:
    """The cells of a `measure` in the tables `about` something, `at` one of the categories."""

    about: str
    measure: str
    at: str = ""


Pairs = tuple[tuple[Place, Place], ...]


@dataclass(frozen=True)
class Layout:
    """A table's name, title, dimensions and measures.

    `contrast` names the dimension of arms, whose cells are withheld together. `compared` names the
    dimension of groups that an estimate compares: it rests on the counts of all of them.
    `whole`: the dimension whose parts come to a number that the table `whole_in` tells, so that all
    of them leave or none does, and none without that number.
    `about`: what its cells are about, the table's name where there is nothing else. Tables about
    the same share cells: the total over notes of one is a cell of another without notes.
    `at_most`: pairs of which the first number is never more than the second, whatever the data.
    `among`: pairs of which the second counts the people that the first is counted among or done
    by: if the first leaves, they are enough. The cells of a pair are alike in all dimensions
    that come from columns.

    Raises `BorderError` if a column is put to a use that its class does not allow, or an estimate
    does not say what it rests on.
    """

    name: str
    title: str
    dimensions: tuple[Dimension, ...]
    measures: tuple[Measure, ...]
    contrast: str | None = None
    whole: str | None = None
    whole_in: str = ""
    compared: str | None = None
    about: str = ""
    at_most: Pairs = ()
    among: Pairs = ()

    def __post_init__(self) -> None:
        for dimension in self.dimensions:
            if bool(dimension.columns) == bool(dimension.categories):
                raise BorderError(
                    f"Table '{self.name}': dimension '{dimension.name}' has to come from columns "
                    "or to be the study's own categories.",
                    "name one of the two.",
                )
            self._check(dimension.name, Use.GROUP, dimension.columns)
        for measure in self.measures:
            if measure.use is Use.GROUP or not measure.columns:
                raise BorderError(
                    f"Table '{self.name}': measure '{measure.name}' is not made of columns.",
                    "name the columns it counts or sums.",
                )
            self._check(measure.name, measure.use, measure.columns)
            self._check_support(measure)
        names = Counter(dimension.name for dimension in self.dimensions)
        known, across = {None, *names}, {self.contrast, self.whole, self.compared}
        if max(names.values(), default=1) > 1 or not across <= known:
            raise BorderError(
                f"Table '{self.name}': its dimensions do not fit.", "name each once, and the arms."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The dimensions' names."""
        return tuple(dimension.name for dimension in self.dimensions)

    def columns_of(self, measure: Measure) -> frozenset[str]:
        """The columns that a value of `measure` comes from, those it is grouped by among them."""
        grouped = (column for dimension in self.dimensions for column in dimension.columns)
        return frozenset({*measure.columns, *grouped})

    def sources(self, cell: Mapping[str, str]) -> frozenset[str]:
        """The columns that one cell's value comes from; `cell` has its dimensions and measure."""
        place = {str(cell[name]) for name in self.names if name in cell}
        of = [
            self.columns_of(measure)
            for measure in self.measures
            if measure.name == cell["measure"] and (not measure.of or place & {*measure.of})
        ]
        return frozenset[str]().union(*of)

    @property
    def estimates(self) -> dict[str, Measure]:
        """The measures that are estimates, by name."""
        return {one.name: one for one in self.measures if one.use is Use.ESTIMATE}

    def _check_support(self, measure: Measure) -> None:
        """Whether an estimate says on which counts it rests, and how coarsely it is told."""
        if measure.use is not Use.ESTIMATE:
            return
        counts = {one.name for one in self.measures if one.use is Use.COUNT}
        if not measure.rests_on or not {*measure.rests_on} <= counts:
            raise BorderError(
                f"Table '{self.name}': the estimate '{measure.name}' rests on no counts of it.",
                "name the counts of people in `rests_on`.",
            )
        if (measure.error in self.estimates) == bool(measure.grain):
            raise BorderError(
                f"Table '{self.name}': nothing says how coarsely '{measure.name}' is told.",
                "name the estimate that is its `error`, or a `grain`.",
            )

    def _check(self, name: str, use: Use, columns: Iterable[str]) -> None:
        for column in columns:
            if column not in COLUMNS:
                raise BorderError(
                    f"Table '{self.name}': there is no column '{column}'.",
                    did_you_mean(column, COLUMNS),
                )
            role = COLUMNS[column].role
            if use not in CLASSES[role].uses:
                raise BorderError(
                    f"Table '{self.name}': '{name}' would have {column} {use}, but that is of the "
                    f"class '{role}': {CLASSES[role].says}.",
                    "use the column as its class allows, or leave it out.",
                )


def flaw(layout: Layout, cells: pl.DataFrame, amounts: tuple[str, ...]) -> str | None:
    """What in `cells` is not as the layout declares it; `amounts` are the units of sums."""
    for dimension in layout.dimensions:
        values = cells[dimension.name]
        # As plain text: Polars takes members of an enum for a type of their own.
        if dimension.categories and not values.is_in([*map(str, dimension.categories)]).all():
            return f"'{dimension.name}' holds values that are not the study's categories"
        if values.str.contains(_TOKEN).any():
            return f"'{dimension.name}' holds what looks like tokens"
    amount = pl.col("unit").is_in(amounts)
    declared = pl.lit(value=False)
    for measure in layout.measures:
        fits = {Use.SUM: amount, Use.COUNT: ~amount}.get(measure.use, pl.lit(value=True))
        declared |= (pl.col("measure") == measure.name) & fits
    if cells.filter(~declared).height:
        return "a measure is not declared, or has the unit of another use"
    without = pl.col("people").is_null() | pl.col("contributors").is_null()
    estimates = pl.col("measure").is_in([*layout.estimates]) & pl.col("value").is_not_null()
    if cells.filter(estimates & without).height:
        return "an estimate does not say how many people stand behind it"
    return None
