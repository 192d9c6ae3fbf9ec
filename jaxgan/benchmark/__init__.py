"""Timing, and the comparison with other programs."""
