"""Workdirs and data in object stores, as gs://bucket/run: what is kept there, and what here."""
