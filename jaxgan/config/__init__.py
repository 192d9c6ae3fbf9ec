"""Config files, and the functions that their names stand for."""

from jaxgan.config.flags import arguments, load, override, smoke

__all__ = ["arguments", "load", "override", "smoke"]
