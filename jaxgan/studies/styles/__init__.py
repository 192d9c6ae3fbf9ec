"""Studies of what each layer of a generator adds: w by layer, noise, weights."""
