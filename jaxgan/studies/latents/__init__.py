"""Studies of latents: what lies between them, what their dimensions do."""
