"""Texts of the tests' own, in the words of the tiny models."""

from __future__ import annotations

from benchmarks.workloads import Material

MATERIAL = Material(
    queries=("drug trial without patients", "hotel with no pool", "is the trial good"),
    passages=tuple(
        f"The drug was not good in trial {number}. " + "Patients may never work in the hotel. " * 4
        for number in range(60)
    ),
    pairs=tuple((f"Trial {n} works.", f"Trial {n} does not work.") for n in range(20)),
)
