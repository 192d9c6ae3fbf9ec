"""Relativistic losses (Jolicoeur-Martineau 2019): D rates real samples against fake ones.

They compare logits of real and fake samples, so they are not functions of one sample's logit, and
G's turn passes real samples through D too. softplus(-t) = -log sigma(t).
"""

import jax
import jax.numpy as jnp
from jax.nn import softplus

from jaxgan.losses.adversarial import Loss

Array = jax.Array


def relativistic_pairing() -> Loss:
    """RpGAN: each real sample against one fake (arXiv:1807.00734, section 4.1; R3GAN's loss).

    D descends softplus(-(D(x) - D(G(z)))), G softplus(-(D(G(z)) - D(x))) (Huang et al. 2024,
    arXiv:2501.05441, eq. 2). The pairs are the rows of the batch; where G draws several times D's
    batch, each real sample is paired with as many fakes. R3GAN uses it with R1 and R2 at every step
    (its section 2); without them experiments/gan.py with this loss collapsed on the digits within
    2,000 steps.
    """

    def d(real: Array, fake: Array, key: Array) -> tuple[Array, Array]:
        del key
        return softplus(fake - real), jnp.zeros_like(fake)

    return Loss(d=d, g=lambda real, fake: softplus(_paired(real, fake) - fake), paired=True)


def relativistic_average() -> Loss:
    """RaSGAN: each sample against the mean logit of the other kind (arXiv:1807.00734, eq. 7, 8).

    D descends softplus(-(D(x) - mean D(G(z)))) + softplus(D(G(z)) - mean D(x)); G the same with
    real and fake exchanged.
    """

    def d(real: Array, fake: Array, key: Array) -> tuple[Array, Array]:
        del key
        return softplus(fake.mean() - real), softplus(fake - real.mean())

    def g(real: Array, fake: Array) -> Array:
        # The mean term on real samples is spread over the fakes: the mean of the sum is theirs.
        return softplus(real.mean() - fake) + softplus(real - fake.mean()).mean()

    return Loss(d=d, g=g, paired=True, mixes=True)


def _paired(real: Array, fake: Array) -> Array:
    """Real logits (N,) repeated to match fake ones (k N,)."""
    return jnp.tile(real, len(fake) // len(real))
