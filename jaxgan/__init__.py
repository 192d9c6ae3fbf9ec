"""jaxgan: generative adversarial networks as games of pure functions, in JAX and Flax."""
