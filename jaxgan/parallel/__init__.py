"""Distributes batches and states over devices and processes."""
