"""Benchmarks: timing, FLOPs, the hardware's peak; comparisons with revisions and PyTorch."""
