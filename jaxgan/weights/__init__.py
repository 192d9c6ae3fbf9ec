"""Weights of other programs: reading, writing and converting them."""
