"""Eight devices on one CPU for the sharding tests, quick compilation for all, none of it kept."""

import os

os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_force_host_platform_device_count=8 --xla_backend_optimization_level=0",
)
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Tests compile what they test, and leave the user's cache alone; commands they start inherit it.
os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"
