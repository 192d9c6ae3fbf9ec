"""Differentiable augmentations of the discriminator's input."""
