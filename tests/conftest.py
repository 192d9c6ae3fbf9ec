"""Eight devices on one CPU for the sharding tests, quick compilation for all, none of it kept."""

import contextlib
import gc
import os
import signal

import pytest
import xla

if "XLA_FLAGS" not in os.environ:  # a worker has those of the process that started it
    os.environ["XLA_FLAGS"] = xla.flags()
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# XLA runs a device in a thread of a pool of as many as there are cores, or NPROC. With fewer
# threads than devices, some wait in a collective for others that no thread is left to run: a busy
# machine of two cores deadlocks. A longer --xla_cpu_collective_call_terminate_timeout_seconds only
# turns the crash into a hang. Commands of one device that tests start need not inherit it.
os.environ.setdefault("NPROC", "16")
# Tests compile what they test, and leave the user's cache alone; commands they start inherit it.
os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"


def pytest_collection_finish():
    """Collects garbage less often, and not among what is imported: traces make much of it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture
def compiled_once(tmp_path):
    """Lets the runs that a test starts in this process share what they compile.

    A run and its continuation play the same programs, and compiling is most of what they cost.
    """
    with programs_in(tmp_path / "programs"):
        yield


@pytest.fixture(scope="module")
def compiled_once_a_module(tmp_path_factory):
    """Lets the runs that a module's tests start share what they compile, as `compiled_once`."""
    with programs_in(tmp_path_factory.mktemp("programs")):
        yield


@contextlib.contextmanager
def programs_in(folder):
    """Keeps what is compiled within in a folder."""
    import jax  # not before the variables above are set
    from jax.experimental.compilation_cache import compilation_cache

    def use(values):
        for name, value in values.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()

    ours = {
        "jax_enable_compilation_cache": True,
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": 0.1,
    }
    before = {name: getattr(jax.config, name) for name in ours}
    use(ours)
    try:
        yield
    finally:
        use(before)


@pytest.fixture(autouse=True)
def own_signals():
    """Gives the process its handlers back after a test that runs a command in it."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
