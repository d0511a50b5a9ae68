"""Compares ways to do the same work, as ratios taken in one run.

Milliseconds of a shared machine drift by a factor of two within minutes; ratios of variants that take turns do not.
Times are processor time of this process, so run with one thread (``run.py bench`` does).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from statistics import median
from time import process_time


def rounds_wanted(default: int) -> int:
    """The number of rounds from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=default)
    return max(1, int(parser.parse_args().rounds))


def take_turns(variants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each variant in each round; each is run once before, to warm up, and the order rotates."""
    for run in variants.values():
        run()
    names = list(variants)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = process_time()
            variants[name]()
            seconds[name].append(process_time() - start)
    return seconds


def report(title: str, seconds: Mapping[str, list[float]]) -> None:
    """Prints how many times faster than the first variant each one is: median, lowest and highest of the rounds."""
    (reference, base), *others = seconds.items()
    print(title)
    print(f"  {reference}: {1000 * median(base):.1f} ms, the reference")
    for name, times in others:
        ratios = sorted(b / t for b, t in zip(base, times, strict=True))
        spread = f"{ratios[0]:.1f} to {ratios[-1]:.1f}, {len(ratios)} rounds"
        print(f"  {name}: {median(ratios):.1f} times faster ({spread}; {1000 * median(times):.1f} ms)")
