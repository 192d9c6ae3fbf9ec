"""Convolutions and resampling as JAX primitives."""
