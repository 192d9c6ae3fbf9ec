"""Benchmarks: timing, FLOPs, the hardware's peak, and a comparison with PyTorch."""
