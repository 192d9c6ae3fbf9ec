"""Averages of parameters over training: which are kept, and how they move."""
