"""Ablations: arms that change one thing each in an experiment, their figures and their report."""
