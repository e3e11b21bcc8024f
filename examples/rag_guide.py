"""What the three retrieval examples search: a small travel guide, and questions that say "not"."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

# Name of the place -> what the guide says about it.
PLACES = {
    "Hotel Bellevue": "This hotel has an indoor pool.",
    "Hotel Marina": "The hotel offers its guests an outdoor pool.",
    "Hotel Linden": "Hotel Linden: there is no pool.",
    "Station Hotel": "You cannot swim at the Station Hotel: it has no pool.",
    "North Beach": "Dogs are allowed on this beach all year.",
    "Long Sands": "A beach where dogs are allowed and welcome.",
    "South Beach": "Dogs must not enter the south beach.",
    "Sandy Cove": "Dogs are not allowed on the sand of Sandy Cove.",
    "The Anchor": "A restaurant that serves alcohol until midnight.",
    "The Old Mill": "This restaurant serves alcohol.",
    "The Green Table": "No alcohol is served here.",
    "The Lotus": "We do not serve beer or wine.",
    "Forest trail": "A trail that is open all winter.",
    "Ridge trail": "This trail is open in winter.",
    "Gorge trail": "The gorge trail is not open in winter.",
    "Summit path": "The summit path is closed in winter.",
    "Tourist office": "The tourist office sells maps and stamps.",
    "Ferry": "The ferry to the island takes forty minutes.",
}
# Question -> the places that answer it, in no order.
QUESTIONS = {
    "hotels without a pool": {"Hotel Linden", "Station Hotel"},
    "beaches where dogs are not allowed": {"South Beach", "Sandy Cove"},
    "restaurants that do not serve alcohol": {"The Green Table", "The Lotus"},
    "trails that are not open in winter": {"Gorge trail", "Summit path"},
}
# How many places a question is answered with.
TOP = 2
# Numbers of a vector that are kept -> what they are (docs/encoder.md).
PARTS = {384: "the general part alone, which is the base encoder", 768: "the whole vector"}


def report(answers: dict[int, dict[str, list[str]]]) -> Iterator[str]:
    """Lines that show each question's places for each number of dimensions, best first."""
    for question in QUESTIONS:
        yield question
        for dimensions, part in PARTS.items():
            yield f"  {part}:"
            yield from (f"    {name}: {PLACES[name]}" for name in answers[dimensions][question])


def read_url(description: str | None) -> str:
    """The service's URL, from the command line.

    Args:
        description: What `--help` says first; the example's docstring.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "url", nargs="?", default="http://127.0.0.1:8080", help="URL of the service"
    )
    return str(parser.parse_args().url)
