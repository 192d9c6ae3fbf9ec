"""Nets of pyramids, whose finer stages draw on a coarser image; found by file as those above."""
