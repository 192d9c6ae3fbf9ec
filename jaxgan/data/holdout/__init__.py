"""Shares of data that are kept out of training."""
