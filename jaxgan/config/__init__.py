"""Config files, and the functions that their names stand for."""

from jaxgan.config.flags import arguments, keys, load, override, smoke
from jaxgan.runtime.errors import UserError

__all__ = ["UserError", "arguments", "keys", "load", "override", "smoke"]
