"""Pictures of a run: sample grids and plots."""
