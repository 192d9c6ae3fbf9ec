"""The game as data, networks as pure functions, optimizers, growth."""
