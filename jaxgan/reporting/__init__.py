"""Reports: one page about runs and sweeps, that needs no network."""
