"""Compiles a run's programs for devices that need not be here, and reads what they would take."""
