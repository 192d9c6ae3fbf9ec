"""Samples of a trained run."""
