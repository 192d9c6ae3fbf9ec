"""Which programs a run dispatches, and their compilation before they are due."""
