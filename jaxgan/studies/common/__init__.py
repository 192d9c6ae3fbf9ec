"""What studies share: where they start, paths between latents, what they hand back."""
