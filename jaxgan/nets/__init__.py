"""Flax modules: layers, normalisers and one file per pair of networks."""
