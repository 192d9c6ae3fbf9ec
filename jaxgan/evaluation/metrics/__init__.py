"""One file per metric of a run."""
