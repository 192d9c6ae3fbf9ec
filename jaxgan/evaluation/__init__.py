"""Metrics of a run's samples."""
