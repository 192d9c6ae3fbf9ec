"""Studies of samples: beside each other, beside real images, by checkpoint and by score."""
