"""What the benchmarks compare is comparable, and a figure that was not measured is not given."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks import attribution_run, peers
from benchmarks.attribution_data import write_events
from benchmarks.contenders import Run, figures, print_table
from benchmarks.ids import common, ids
from benchmarks.keyed_join_run import CONTENDERS, write_inputs
from benchmarks.peers import Peer, measure_peers
from benchmarks.watch import watch
from cleanroom.tables import Platform


@pytest.mark.parametrize("rows", [1, 2, 7, 1000])
def test_identifiers_are_distinct_and_half_are_the_other_sides_too(rows: int) -> None:
    ads, store = (set(ids(rows, side)) for side in Platform)
    assert (len(ads), len(store), len(ads & store)) == (rows, rows, common(rows))
    assert {len(one) for one in ads | store} == {24}


def test_identifiers_depend_on_the_seed_alone() -> None:
    drawn = [ids(100, Platform.ADS, seed).to_list() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1]
    assert not set(drawn[0]) & set(drawn[2])


def test_every_contender_of_the_keyed_join_finds_the_same_pairs(tmp_path: Path) -> None:
    folder = tmp_path / "inputs"
    write_inputs(folder, 1000)
    sides = [ids(1000, side).to_list() for side in Platform]
    pairs = [(row, sides[1].index(cid)) for row, cid in enumerate(sides[0]) if cid in sides[1]]
    expected = (len(pairs), sum(row for row, _ in pairs), sum(row for _, row in pairs))
    for name, contender in CONTENDERS.items():
        *_, found = [work() for work in contender(folder).values()]
        assert found == expected, name


def test_every_query_of_the_last_click_finds_the_same_orders(tmp_path: Path) -> None:
    write_events(tmp_path, 2000)
    found = [attribution_run.CONTENDERS[n](tmp_path)() for n in ("cleanroom", "polars", "duckdb")]
    assert len(found[0]) > 100
    assert found == [found[0]] * 3


def test_figures_are_medians_and_count_the_items_of_both_sides() -> None:
    runs = [Run(2.0, 4.0, 0.1), Run(30.0, 5.0, 0.3), Run(1.0, 8.0, 0.2)]
    told = figures("one", "1.0", 100, runs, "nobody: anything")
    assert (told["wall_seconds"], told["cpu_seconds"], told["peak_gigabytes"]) == (2.0, 5.0, 0.3)
    assert (told["items_per_wall_second"], told["items_per_cpu_second"]) == (100, 40)


def test_the_table_has_a_line_for_each_and_says_who_is_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = figures("one", "1.0", 1000, [Run(2.0, 4.0, 0.1)], "nobody: anything")
    print_table([told, {"name": "other", "left_out": "it is not there."}])
    heading, line, left_out = capsys.readouterr().out.splitlines()
    assert heading.split()[:3] == ["who", "version", "rows"]
    assert line.split()[:4] == ["one", "1.0", "1,000", "2.00"]
    assert left_out == "other is left out: it is not there."


def test_a_command_is_watched_to_its_end() -> None:
    program = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    watched = watch([sys.executable, "-c", program], os.environ)
    assert (watched.exit_code, watched.printed, watched.complained) == (3, "out\n", "err\n")


class TestPeers:
    """Of scripts that stand in for the libraries, which are not in our lock."""

    @pytest.fixture(autouse=True)
    def _scripts(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        # Tells as many pairs as its argument names, or else as there are.
        script = (
            "import json, sys\n"
            "*told, ads, store = sys.argv[1:]\n"
            "a, s = (set(open(f).read().split()[1:]) for f in (ads, store))\n"
            "matched = int(told[0]) if told else len(a & s)\n"
            "wall = len(a) / 1000\n"
            "print(json.dumps(dict(version='1.0', matched=matched, wall=wall, cpu=wall)))\n"
        )
        (tmp_path / "right.py").write_text(script)
        (tmp_path / "failing.py").write_text("raise SystemExit('no such processor')")
        monkeypatch.setattr(peers, "SCRIPTS", tmp_path)
        monkeypatch.setattr(peers, "INTERPRETER", Path(sys.executable))
        monkeypatch.setattr(peers, "PEERS", (Peer("peer", "right.py"),))

    def test_a_peer_is_measured(self) -> None:
        (told,) = measure_peers(2000, runs=1)
        assert (told["name"], told["version"], told["rows"]) == ("peer", "1.0", 2000)
        assert told["wall_seconds"] == 2.0

    def test_a_peer_has_no_more_rows_than_it_is_allowed_and_says_so(self) -> None:
        (told,) = measure_peers(2000, runs=1, most_rows={"peer": 1000})
        assert (told["rows"], told["wall_seconds"]) == (1000, 1.0)

    def test_a_peer_that_would_take_too_long_has_no_figure(self) -> None:
        (told,) = measure_peers(60_000, runs=2, minutes=1.5)  # a minute each
        assert set(told) == {"name", "left_out"}
        assert "about 2.0 minutes" in told["left_out"]

    @pytest.mark.parametrize(
        ("peer", "reason"),
        [
            (Peer("peer", "failing.py"), "exit code 1 (no such processor)"),
            (Peer("peer", "right.py", ("7",)), "it found 7 pairs where there are 50"),
        ],
    )
    def test_a_peer_that_fails_or_finds_other_pairs_has_no_figure(
        self, monkeypatch: pytest.MonkeyPatch, peer: Peer, reason: str
    ) -> None:
        monkeypatch.setattr(peers, "PEERS", (peer,))
        (told,) = measure_peers(100, runs=1)
        assert set(told) == {"name", "left_out"}
        assert reason in told["left_out"]

    def test_without_their_interpreter_the_peers_are_left_out(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(peers, "INTERPRETER", tmp_path / "python")
        (told,) = measure_peers(100, runs=1)
        assert told["left_out"] == "there is no .venv-peers; `make peers` builds it."
