"""What the model tells of a pair, and which relations the labels of other data sets leave open."""

from __future__ import annotations

RELATIONS = ("equivalence", "contradiction", "hedge", "neutral")

# The model's outputs: the relations, and how relevant the second text is to the first one, a query.
RELEVANCE = "relevance"
OUTPUTS = (*RELATIONS, RELEVANCE)

EQUIVALENCE, CONTRADICTION, HEDGE, NEUTRAL = (1 << index for index in range(len(RELATIONS)))

# A label of another scheme is a set of our relations, as a bit mask. An NLI entailment holds one
# way for certain and both ways perhaps; what is neutral in NLI may be a hedge in ours; a text whose
# scope of negation or whose roles changed means something else, contradictory or not.
POSSIBLE = {
    "entailment": EQUIVALENCE | NEUTRAL,
    "neutral": NEUTRAL | HEDGE,
    "contradiction": CONTRADICTION,
    "same": EQUIVALENCE,
    "negated": CONTRADICTION,
    "scope": CONTRADICTION | NEUTRAL,
    "different": CONTRADICTION | NEUTRAL,
    "not_entailment": CONTRADICTION | HEDGE | NEUTRAL,
}
