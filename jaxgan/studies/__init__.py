"""Studies of a run: its samples, its latent space, its styles; one verb of explore a file."""
