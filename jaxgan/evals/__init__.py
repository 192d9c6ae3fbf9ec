"""Measures of what a generator has learnt."""
