"""StackGAN's networks (Zhang et al. 2017, sections 3.2 to 3.4), at any sizes.

`width` is the number of channels at half the image's side, of stage II's encoder at the coarser
image's; it doubles at each halving, up to `max_width`. The authors' code has 128 in generators,
GF_DIM, and 64 in discriminators, DF_DIM (hanzhanggit/StackGAN-Pytorch, code/model.py); its second
discriminator goes up to 2048 channels and back.
"""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Depth, Whole, Width
from jaxgan.nets.layers import norms
from jaxgan.nets.layers.basic import Conv, Dense, compute_type, leaky_relu
from jaxgan.nets.layers.condition import Condition
from jaxgan.nets.ops.laplacian import resized
from jaxgan.runtime.errors import UserError

SMALLEST = 4  # pixels a side of the first feature maps
NEAR = 0.995  # of white, where arctanh is finite: less than a level of 255 away


class Augmentation(nn.Module):
    """Conditions, labels (N,) or vectors (N, D) -> mean and log deviation, each (N, features).

    A dense layer and LeakyReLU, as in the authors' code (hanzhanggit/StackGAN, stageI/model.py).
    """

    features: Width = 128
    classes: int = 0

    @nn.compact
    def __call__(self, y: Array, *, train: bool) -> tuple[Array, Array]:
        """Returns the moments of the Gaussian that a condition is drawn from."""
        del train
        h = Condition(self.classes, 2 * self.features, name="moments")(y)
        h += self.param("bias", nn.initializers.zeros, (2 * self.features,))
        mean, log_deviation = jnp.split(leaky_relu(h), 2, axis=1)
        return mean, log_deviation


class Generator(nn.Module):
    """Stage I: latent (N, latent), condition or None -> images (N, *shape) in [-1, 1].

    Both are projected to 4x4, which doubles by nearest neighbor before 3x3 convolutions.
    """

    shape: tuple[int, int, int]
    width: Width = 128
    max_width: Width = 1024
    norm: str = "BatchNorm"
    classes: int = 0
    embedding: Width = 128
    dtype: str = "float32"

    @nn.compact
    def __call__(self, z: Array, y: Array | None = None, *, train: bool) -> Array:
        """Generates one image per latent."""
        first, *rest = widths = _widths(self.shape[0], self.width, self.max_width)[::-1]
        if y is not None:
            z = jnp.concatenate([z, _vectors(y, self.classes, self.embedding)], axis=1)
        norm, bias = norms.named(self.norm, self.classes), self.norm == "Identity"
        z = z.astype(compute_type(self.dtype))
        h = Dense(SMALLEST**2 * first, use_bias=bias)(z).reshape(-1, SMALLEST, SMALLEST, first)
        h = nn.relu(norm()(h, train, y))
        for width in (*rest, max(1, widths[-1] // 2)):
            h = Conv(width, 3, padding=1, up=True, use_bias=bias)(h)
            h = nn.relu(norm()(h, train, y))
        return jnp.tanh(Conv(self.shape[-1], 3, padding=1)(h.astype(jnp.float32)))


class Refiner(nn.Module):
    """Stage II: no noise, condition or None, coarser images -> images (N, *shape) in [-1, 1].

    The coarser image is halved `halvings` times, the condition joined to it at each position;
    `blocks` residual blocks follow, then doublings as of stage I. The authors' code halves 64
    pixels twice, with 4 blocks at 256 pixels. With `residual` the net computes what is added to
    the enlarged image, before the tanh, so that it begins with the content of that.
    """

    shape: tuple[int, int, int]
    width: Width = 128
    max_width: Width = 512
    halvings: Whole = 2
    blocks: Depth = 4
    residual: bool = False
    norm: str = "BatchNorm"
    classes: int = 0
    embedding: Width = 128
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self,
        z: Array | None = None,
        y: Array | None = None,
        coarse: Array | None = None,
        *,
        train: bool,
    ) -> Array:
        """Draws each coarser image anew, with more pixels."""
        norm, bias = norms.named(self.norm, self.classes), self.norm == "Identity"
        if z is not None:
            raise UserError("stackgan.Refiner draws from no noise: set config.game.noise=False")
        if coarse.shape[1] >> self.halvings < 2:
            raise UserError(
                f"config.game.g.halvings={self.halvings}: too many for images of "
                f"{coarse.shape[1]} pixels"
            )
        h = coarse.astype(compute_type(self.dtype))
        h = nn.relu(Conv(self.width, 3, padding=1)(h))
        for i in range(1, self.halvings + 1):
            width = min(self.width << i, self.max_width)
            h = Conv(width, 4, stride=2, padding=1, use_bias=bias)(h)
            h = nn.relu(norm()(h, train, y))
        if y is not None:
            h = _beside(h, _vectors(y, self.classes, self.embedding))
        width = min(self.width << self.halvings, self.max_width)
        h = nn.relu(norm()(Conv(width, 3, padding=1, use_bias=bias)(h), train, y))
        for i in range(self.blocks):
            h = _Residual(self.norm, name=f"block{i}")(h, train)
        while h.shape[1] < self.shape[0]:
            h = Conv(max(1, h.shape[-1] // 2), 3, padding=1, up=True, use_bias=bias)(h)
            h = nn.relu(norm()(h, train, y))
        h = Conv(self.shape[-1], 3, padding=1)(h.astype(jnp.float32))
        if self.residual:
            h += jnp.arctanh(NEAR * jnp.clip(resized(coarse, self.shape[0]), -1, 1))
        return jnp.tanh(h)


class Discriminator(nn.Module):
    """Images (N, *shape), condition or None -> logits (N,), of either stage.

    4x4 convolutions of stride 2 down to 4x4, where the condition, compressed to `embedding`
    numbers, is joined at each position; a 1x1 convolution and one of all positions follow.
    """

    shape: tuple[int, int, int]
    width: Width = 64
    max_width: Width = 512
    norm: str = "BatchNorm"
    spectral: bool = False
    classes: int = 0
    embedding: Width = 128
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, y: Array | None = None, *, train: bool) -> Array:
        """Scores each image, and whether it shows its condition."""
        norm, bias = norms.named(self.norm, 0), self.norm == "Identity"
        spectral = {"spectral": self.spectral}
        h = x.astype(compute_type(self.dtype))
        for i, width in enumerate(_widths(self.shape[0], self.width, self.max_width)):
            options = {"use_bias": bias or i == 0, **spectral}
            h = Conv(width, 4, stride=2, padding=1, **options)(h)
            h = leaky_relu(norm()(h, train) if i else h)
        if y is not None:
            embedded = Condition(self.classes, self.embedding, **spectral)(y)
            h = _beside(h, leaky_relu(embedded))
            h = Conv(h.shape[-1] - self.embedding, 1, use_bias=bias, **spectral)(h)
            h = leaky_relu(norm()(h, train))
        return Conv(1, SMALLEST, **spectral)(h.astype(jnp.float32))[:, 0, 0, 0]


class _Residual(nn.Module):
    """relu(x + norm(conv(relu(norm(conv(x))))))."""

    norm: str

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        norm, bias = norms.named(self.norm, 0), self.norm == "Identity"
        h = Conv(x.shape[-1], 3, padding=1, use_bias=bias)(x)
        h = Conv(x.shape[-1], 3, padding=1, use_bias=bias)(nn.relu(norm()(h, train)))
        return nn.relu(x + norm()(h, train))


def _widths(side: int, width: int, max_width: int) -> list[int]:
    """Returns the channels of feature maps of half the side, a quarter and so on, down to 4x4.

    Raises:
      UserError: a side that is not 4 times a power of two, at least 8.
    """
    halvings = (side // SMALLEST).bit_length() - 1
    if halvings < 1 or side != SMALLEST << halvings:
        raise UserError(
            f"stackgan takes square images of 8, 16, 32 pixels and so on, not of {side}; set "
            "config.data.res and config.growth"
        )
    return [min(width << i, max_width) for i in range(halvings)]


def _vectors(y: Array, classes: int, features: int) -> Array:
    """Returns condition vectors (N, D) as they are, and embeddings of labels (N,)."""
    if jnp.issubdtype(y.dtype, jnp.integer):
        return Condition(classes, features)(y)
    return y


def _beside(h: Array, vectors: Array) -> Array:
    """Joins vectors (N, D) to feature maps (N, H, W, C) at each position."""
    planes = jnp.broadcast_to(vectors[:, None, None], (*h.shape[:3], vectors.shape[-1]))
    return jnp.concatenate([h, planes.astype(h.dtype)], axis=-1)
