"""Config files, and the functions that their names stand for."""

from jaxgan.config.flags import arguments, keys, load, override, smoke

__all__ = ["arguments", "keys", "load", "override", "smoke"]
