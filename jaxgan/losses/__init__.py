"""Adversarial losses, regularizers and auxiliary objectives."""
