"""What is read of a program's HLO: of programs compiled here, and of lines as a TPU has them."""

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import PartitionSpec as P

from jaxgan.compilation import hlo
from jaxgan.parallel import mesh

N = 8
# As libtpu writes them: tiled layouts, an operand beside what a start returns, comments in tuples.
TPU = """
  %all-reduce.1 = (f32[8,128]{1,0:T(8,128)}, /*index=1*/bf16[3]{0:T(256)}) all-reduce(%a, %b), to_apply=%add
  %all-gather-start.2 = (f32[4]{0:T(128)}, f32[16]{0:T(128)S(1)}) all-gather-start(%c), dimensions={0}
  %all-gather-done.2 = f32[16]{0:T(128)} all-gather-done(%all-gather-start.2)
  ROOT %collective-permute.3 = pred[2,2]{1,0} collective-permute(%d), source_target_pairs={{0,1}}
  %fusion.4 = f32[512,100]{1,0} fusion(%all-reduce.1), kind=kLoop, calls=%fused
  %scalar = s32[] all-reduce(%e), to_apply=%add
"""  # noqa: E501


def compiled(function, out):
    """The HLO of a function of each device's row of f32[8,4]."""
    devices = mesh.over_data(N, jax.devices()[:N])
    split = jax.NamedSharding(devices, P("data"))
    mapped = jax.shard_map(
        function, mesh=devices, in_specs=P("data"), out_specs=out, check_vma=False
    )
    x = jax.ShapeDtypeStruct((N, 4), jnp.float32, sharding=split)
    return jax.jit(mapped).lower(x).compile().as_text()


@pytest.mark.parametrize(
    ("kind", "function", "out", "nbytes"),
    [
        ("all-reduce", lambda x: jax.lax.psum(x, "data"), P(), 16),
        ("all-gather", lambda x: jax.lax.all_gather(x, "data"), P(), 16 * N),
        ("collective-permute", lambda x: jax.lax.ppermute(
            x, "data", [(i, (i + 1) % N) for i in range(N)]), P("data"), 16),
        ("reduce-scatter", lambda x: jax.lax.psum_scatter(
            jnp.tile(x, (N, 1)), "data", tiled=True), P("data"), 16),
        ("all-to-all", lambda x: jax.lax.all_to_all(
            jnp.tile(x, (N, 1)), "data", 0, 0, tiled=True), P("data"), 16 * N),
    ],
)  # fmt: skip
def test_exchanges_of_programs_compiled_here(kind, function, out, nbytes):
    assert hlo.collectives(compiled(function, out)) == {kind: hlo.Exchange(1, nbytes, nbytes)}


def test_a_program_of_one_device_exchanges_nothing():
    text = jax.jit(jnp.sin).lower(jnp.zeros(3)).compile().as_text()
    assert hlo.collectives(text) == {}


def test_exchanges_as_a_tpu_has_them():
    assert hlo.collectives(TPU) == {
        "all-gather": hlo.Exchange(1, 64, 64),
        "all-reduce": hlo.Exchange(2, 4096 + 6 + 4, 4096 + 6),
        "collective-permute": hlo.Exchange(1, 4, 4),
    }


def test_rows_that_every_device_holds():
    assert hlo.leading(TPU, 512) == {"f32[512,100]": 1}
    assert hlo.leading(TPU, 51) == {}
    assert hlo.leading("%mask = pred[512,3]{1,0} compare(%a, %b), direction=LT", 512) == {}

    def draw(x):
        z = jax.random.normal(jax.random.key(0), (24, 5))
        z = jax.lax.with_sharding_constraint(z, P("data"))
        return jnp.sin(z) @ jnp.ones((5, 3)) + x

    devices = mesh.over_data(N, jax.devices()[:N])
    split = mesh.of_batches(devices)
    with jax.set_mesh(devices):
        whole = jax.ShapeDtypeStruct((24, 3), jnp.float32, sharding=mesh.of_states(devices))
        texts = [
            jax.jit(draw, out_shardings=out).lower(x).compile().as_text()
            for x, out in (
                (jax.ShapeDtypeStruct((24, 3), jnp.float32, sharding=split), split),
                (whole, whole.sharding),
            )
        ]
    assert not hlo.leading(texts[0], 24) and "f32[3,3]" in hlo.leading(texts[0], 3)
    assert "f32[24,3]" in hlo.leading(texts[1], 24)
