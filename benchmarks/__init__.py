"""Figures of the product beside its limits and its peers, measured in one run."""
