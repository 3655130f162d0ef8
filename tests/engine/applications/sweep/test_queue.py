"""The order of units: what others wait for, what takes longest, what dies; and 64 simulated workers."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facetui.engine.applications.sweep.queue import LATE_SECONDS, TRIES, Estimate, Queue, time_left
from facetui.engine.applications.sweep.units import Task, Unit


def unit(name, needs=(), kind="measure", like="", work=1.0) -> Unit:
    return Unit(
        name=name, task=Task(kind=kind, seed=0, people="x"), needs=list(needs), like=like or f"like {name}", work=work
    )


def test_what_takes_longest_goes_first_and_what_others_wait_for_before_it():
    units = [
        unit("short", work=1),
        unit("long", work=5),
        unit("makes", kind="perturb", work=3),
        unit("uses", ["makes"], work=9),
    ]
    queue, begun = Queue(units, {}), []
    while (next_one := queue.take(0)) is not None:
        begun.append(next_one.name)
    assert begun == ["makes", "long", "short"], "with 9 behind it, 3 is more urgent than 5"
    queue.done("makes", 1)
    assert queue.take(0).name == "uses" and not queue.over
    for name in ("uses", "long", "short"):
        queue.done(name, 1)
    assert queue.over and not queue.failed


def test_the_order_follows_what_was_measured():
    units = [unit(f"{like} {i}", like=like, work=work) for like, work in (("a", 9), ("b", 1)) for i in range(3)]
    queue = Queue(units, {"a 0": 2.0, "b 0": 30.0})
    assert queue.take(0).name.startswith("b"), "what was guessed longer is shorter"
    assert queue.estimate.of(units[1]) == 2 and queue.estimate.of(unit("c", work=2)) == pytest.approx(6.4)
    assert Estimate().of(units[0]) is None


def test_who_dies_is_tried_again_and_what_is_certain_to_fail_is_not():
    queue = Queue([unit("dies"), unit("wrong"), unit("after", ["wrong"]), unit("last", ["after"])], {})
    for _ in range(TRIES - 1):
        assert {queue.take(0).name for _ in range(2 - ("wrong" in queue.failed))} >= {"dies"}
        queue.failing("wrong", "no such photo", again=False)
        assert queue.failing("dies", "killed", again=True)
    assert queue.take(0).name == "dies" and not queue.failing("dies", "killed", again=True)
    assert queue.over and set(queue.failed) == {"dies", "wrong", "after", "last"} and queue.take(0) is None


def test_what_others_compute_is_asked_for_later_and_may_be_finished_by_them():
    queue = Queue([unit("theirs"), unit("mine")], {})
    for name in sorted([queue.take(0).name, queue.take(0).name]):
        queue.elsewhere(name, 0) if name == "theirs" else queue.done(name, 1)
    assert queue.take(0.5) is None and queue.asked_elsewhere == ["theirs"]
    assert queue.take(2).name == "theirs", "whoever had it may be dead"
    queue.elsewhere("theirs", 2)
    queue.done("theirs", 1)
    assert queue.over


def test_a_straggler_is_computed_twice_and_the_first_counts():
    queue = Queue([unit("known", like="x"), unit("slow", like="x"), unit("fast", like="x")], {"known": 100.0})
    assert {queue.take(0).name, queue.take(0).name} == {"slow", "fast"}
    queue.done("fast", 100)
    assert queue.late(150, idle=True) is None, "not long enough"
    assert queue.late(250, idle=False) is None, "nobody waits for it"
    assert queue.late(250, idle=True).name == "slow" and queue.late(900, idle=True) is None, "twice, not more often"
    assert queue.copies("slow") == 2 and queue.n_running == 2
    assert queue.failing("slow", "killed", again=True), "one of two died"
    queue.done("slow", 260)
    queue.done("slow", 300)
    assert queue.over and not queue.failed
    short = Queue([unit("known", like="x"), unit("slow", like="x")], {"known": 0.1})
    short.take(0)
    assert short.late(LATE_SECONDS / 2, idle=True) is None, "what takes a second is not worth it"


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(0, 2**32))
def test_every_unit_is_finished_once_whatever_comes(n, seed):
    draw = random.Random(seed)
    needs = [draw.sample([str(j) for j in range(i)], draw.randint(0, min(i, 3))) for i in range(n)]
    units = [unit(str(i), needs[i], like=str(i % 3)) for i in range(n)]
    finished = draw.sample([u.name for u in units], draw.randint(0, n))
    queue, now, running, done = Queue(units, dict.fromkeys(finished, 1.0)), 0.0, [], Counter(finished)
    while not queue.over:
        now += draw.choice([1, 1, 1, 100])
        if (found := queue.next(now)) is not None:
            assert all(done[need] for need in found[0].needs), "nothing begins before what it needs"
            running.append(found[0].name)
        if running and draw.random() < 0.6:
            name = running.pop(draw.randrange(len(running)))
            match draw.choice(["done", "done", "died", "elsewhere"]):
                case "done":
                    done[name] += 1
                    queue.done(name, 1.0)
                case "died":
                    queue.failing(name, "died", again=True)
                case _:
                    queue.elsewhere(name, now)
        assert now < 1e6
    assert set(done) | set(queue.failed) == {u.name for u in units} and not set(done) & set(queue.failed)


def test_the_time_that_is_left():
    estimate = Estimate()
    units = [unit(str(i), like="x") for i in range(10)]
    assert time_left(estimate, units, 2) is None and time_left(estimate, [], 2) == 0
    estimate.add(units[0], 6.0)
    assert time_left(estimate, units, 2) == 30 and time_left(estimate, units, 100) == 6


# --- 64 workers ---------------------------------------------------------------------------------------------------


@dataclass
class World:
    """Workers that straggle and die, on a clock of its own; the queue is the one that sweeps use.

    Attributes:
        lasting: seconds that each unit takes on a whole worker.
        slow: workers that take twice as long for everything.
        straggle: share of all beginnings that take five times as long.
        die: share of all beginnings whose worker dies on the way, and is replaced after half a minute.
    """

    units: list[Unit]
    lasting: dict[str, float]
    workers: int = 64
    slow: int = 2
    straggle: float = 0.01
    die: float = 0.01
    deaths: int = 0
    twice: int = 0
    events: list[tuple[float, int, str, str, int]] = field(default_factory=list)

    def run(self, seed: int) -> float:
        """Seconds until all is finished."""
        draw, queue, now = random.Random(seed), Queue(self.units, {}), 0.0
        free, number, cancelled = list(range(self.workers)), 0, set()
        on: dict[int, tuple[int, str]] = {}
        while not queue.over:
            while free:
                begun = queue.next(now)
                if begun is None:
                    break
                found, again = begun
                self.twice += again
                worker, number = free.pop(0), number + 1
                seconds = self.lasting[found.name] * (2 if worker < self.slow else 1)
                seconds *= 5 if draw.random() < self.straggle else 1
                what = "dead" if draw.random() < self.die else "done"
                if what == "dead":
                    seconds *= draw.random()
                on[worker] = (number, found.name)
                heapq.heappush(self.events, (now + seconds, number, what, found.name, worker))
            now, which, what, name, worker = heapq.heappop(self.events)
            if which in cancelled:
                continue
            if what == "back":
                free.append(worker)
                continue
            del on[worker]
            if what == "dead":
                self.deaths += 1
                queue.failing(name, "killed", again=True)
                heapq.heappush(self.events, (now + 30, 0, "back", "", worker))
                continue
            queue.done(name, self.lasting[name])
            free.append(worker)
            for other, (copy, of) in list(on.items()):
                if of == name:  # the first counts, the other is stopped
                    cancelled.add(copy)
                    del on[other]
                    free.append(other)
        assert not queue.failed
        return now


def paper_grid(seed: int) -> World:
    """Perturbations of 5 to 60 minutes, and measurements of a few minutes that need them."""
    draw, units, lasting = random.Random(seed), [], {}
    for tool in range(12):
        typical = draw.uniform(300, 3600)
        for number in range(12):
            made = unit(
                f"p {tool} {number}", kind="perturb", like=f"perturb {tool}", work=typical * draw.uniform(0.5, 2)
            )
            units.append(made)
            lasting[made.name] = typical * draw.uniform(0.9, 1.1)
            for crowd in range(10):
                asked = unit(f"m {tool} {number} {crowd}", [made.name], like=f"measure {crowd}", work=crowd + 1)
                units.append(asked)
                lasting[asked.name] = (60 + 60 * crowd) * draw.uniform(0.8, 1.2)
    return World(units, lasting)


@pytest.mark.parametrize("seed", range(5))
def test_64_workers_with_stragglers_and_deaths_are_busy(seed):
    world = paper_grid(seed)
    took = world.run(seed)
    busy = sum(world.lasting.values()) / (world.workers * took)
    assert world.deaths > 3, "some did die"
    assert busy >= 0.9, f"{busy:.3f} of 64 workers' time went into results"
