"""Training data: random-access image sources, and batches that are a pure function of the step."""
