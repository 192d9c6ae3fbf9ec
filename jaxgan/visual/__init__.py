"""Pictures: sample grids, plots."""
