"""Convolutions and filtered resampling as JAX primitives, and plain resizing."""
