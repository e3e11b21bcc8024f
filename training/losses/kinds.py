"""Which loss each kind of row has."""

from __future__ import annotations

from training.losses.base import TwoPartLoss
from training.losses.general import GeneralLoss
from training.losses.groups import GroupLoss
from training.losses.guidance import GuidanceLoss
from training.losses.pairs import GradedLoss, OrderLoss, TripletLoss
from training.losses.passages import ContrastLoss, ExclusionLoss, QuestionLoss
from training.losses.sentences import SentenceLoss

LOSSES: dict[str, type[TwoPartLoss]] = {
    "groups": GroupLoss,
    "counterfactuals": GroupLoss,
    "surface": TripletLoss,
    "substitutions": TripletLoss,
    "contrasts": ContrastLoss,
    "exclusions": ExclusionLoss,
    "topic-exclusions": ExclusionLoss,
    "inclusions": ExclusionLoss,
    "keywords": ExclusionLoss,
    "twins": GuidanceLoss,
    "sentences": SentenceLoss,
    "triplets": TripletLoss,
    "polarity": OrderLoss,
    "inference": OrderLoss,
    "edits": OrderLoss,
    "graded": GradedLoss,
    "questions": QuestionLoss,
    "general": GeneralLoss,
}
