"""Builds what a game is made of from the nodes under config.game: nets, losses, regularizers."""

import inspect
from collections.abc import Mapping
from typing import Any

from jaxgan.augment.diffaugment import Augment
from jaxgan.config.registry import Node, as_mapping, options, resolve
from jaxgan.core.game import Spec
from jaxgan.core.network import Module, Net, pure
from jaxgan.losses.adversarial import Loss
from jaxgan.losses.auxiliary import Auxiliary
from jaxgan.losses.penalties import Penalty
from jaxgan.losses.reconstruction import Reconstruction
from jaxgan.losses.regularizers import Regularizer
from jaxgan.runtime.errors import UserError

AT = "config.game"
Terms = Mapping[str, tuple[Regularizer, int]]  # label -> (regularizer, every)


def nets(
    g: Node, d: Node, spec: Spec, conditional: bool, extra: Auxiliary | None
) -> tuple[Net, Net]:
    """Builds the nets under config.game.g and .d.

    Args:
      g, d: "file.Class" with options. The class has a field `shape`, and `classes` if it can take
        a condition, and `heads` if it can predict one.
      spec: the data's shape and classes.
      conditional: whether the nets take the data's condition.
      extra: what d's heads are for, if anything; d then takes no condition.

    Raises:
      UserError: an unknown name or option, or a net that lacks what the game needs of it.
    """
    classes = {"classes": spec.classes}
    needed_g = classes if conditional or (extra and extra.code) else {}
    needed_d = classes if conditional else {}
    if extra:
        needed_d = {"heads": extra.heads(spec.classes)}
    made = module(g, "g", spec.shape, **needed_g), module(d, "d", spec.shape, **needed_d)
    for at, net in zip("gd", made, strict=True):
        check_draws(net, at)
        if "level" in options(net.__call__):
            raise UserError(f"{AT}.{at}: {_path(type(net))} grows, which the game progressive does")
    return pure(made[0]), pure(made[1])


def module(node: Node, at: str, shape: tuple[int, ...], **needed: int) -> Any:
    """Builds the Flax module under config.game.<at>, for images of `shape`.

    Args:
      node: "file.Class" of jaxgan/nets, with options.
      at: the node's key, for messages.
      shape: what this net draws or judges: in a game of several resolutions, its own.
      needed: fields besides `shape` that the game sets: `classes`, `heads`.

    Raises:
      UserError: an unknown name or option, or a net that lacks a needed field.
    """
    at, given = f"{AT}.{at}", ("shape", "classes", "heads")
    made = resolve(node, "jaxgan.nets", kind=Module, at=at, given=given, takes=("shape",))
    kind = made.func
    if lacks := set(needed) - options(kind):
        does = {"classes": "takes no condition", "heads": "predicts nothing besides real or fake"}
        raise UserError(
            f"{at}: {_path(kind)} {does[lacks.pop()]}; use a net that does, such as dcgan.*"
        )
    if at.endswith(".d") and _first(kind) in ("z", "ws"):
        raise UserError(f"{at}: {_path(kind)} draws from latents; d needs a net that judges")
    return made(shape=shape, **needed)


def growing_net(node: Node, at: str, shape: tuple[int, ...]) -> Net:
    """Builds the net under config.game.<at>, which takes a level and a pair of resolutions.

    Raises:
      UserError: an unknown name or option, or a net of one resolution.
    """
    made = module(node, at, shape)
    check_draws(made, at)
    if "level" not in options(made.__call__):
        kind = type(made)
        raise UserError(f"{AT}.{at}: {_path(kind)} does not grow; progan.{kind.__name__} does")
    return pure(made)


def check_draws(net: Module, at: str) -> None:
    """Refuses a net under config.game.g that judges images, as by their name `x`."""
    if at.rpartition(".")[2] == "g" and _first(type(net)) == "x":
        raise UserError(
            f"{AT}.{at}: {_path(type(net))} judges images; g needs a net that draws them"
        )


def loss(node: Node, at: str = "loss") -> Loss:
    """Builds the adversarial loss under config.game.<at>.

    Raises:
      UserError: an unknown name or option.
    """
    built: Loss = resolve(node, "jaxgan.losses", kind=Loss, at=f"{AT}.{at}")()
    return built


def reconstruction(node: Node) -> Reconstruction:
    """Builds the distance under config.game.reconstruction.

    Raises:
      UserError: an unknown name or option.
    """
    at = f"{AT}.reconstruction"
    built: Reconstruction = resolve(node, "jaxgan.losses", kind=Reconstruction, at=at)()
    return built


def augment(node: Node) -> Augment:
    """Builds the augmentation under config.game.augment.

    Raises:
      UserError: an unknown name or option.
    """
    built: Augment = resolve(node, "jaxgan.augment", kind=Augment, at=f"{AT}.augment")()
    return built


def auxiliary(node: Node) -> Auxiliary | None:
    """Builds the auxiliary objective under config.game.auxiliary; None where the node is ''.

    Raises:
      UserError: an unknown name or option.
    """
    if not node:
        return None
    built: Auxiliary = resolve(node, "jaxgan.losses", kind=Auxiliary, at=f"{AT}.auxiliary")()
    return built


def regularizers(nodes: Mapping[str, Node], at: str = "regularizers") -> Terms:
    """Builds config.game.<at>; a label is the name where its node gives none.

    Raises:
      UserError: an unknown name or option.
    """
    made = {}
    if not isinstance(nodes, Mapping):
        raise UserError(f"{AT}.{at}={nodes!r}: expected a node per label, as in r1.gamma")
    for label, node in nodes.items():
        key = f"{AT}.{at}.{label}"
        own = {"name": label, **as_mapping(node, key)}
        every = own.pop("every", 1)
        if not isinstance(every, int) or every < 1:
            raise UserError(f"{key}.every={every!r}: a number of steps, at least 1")
        made[label] = resolve(own, "jaxgan.losses", kind=Regularizer, at=key)(), every
    return made


def mixing(loss: Loss, terms: Terms, swaps: bool = False) -> tuple[str, ...]:
    """Returns what of a loss and its regularizers compares the samples of a batch, by name.

    `swaps`: whether rows are also judged with one another's condition vectors.
    """
    own = ["the loss's mean logits"] if loss.mixes else []
    own += ["matching_aware's vectors"] if swaps else []
    return (*own, *(label for label, (term, _) in terms.items() if term.mixes))


def penalties(nodes: Mapping[str, Node]) -> dict[str, Penalty]:
    """Builds config.game.g_regularizers; a label is the name where its node gives none.

    Raises:
      UserError: an unknown name or option.
    """
    at, made = f"{AT}.g_regularizers", {}
    if not isinstance(nodes, Mapping):
        raise UserError(f"{at}={nodes!r}: expected a node per label, as in orthogonal.weight")
    for label, node in nodes.items():
        own = {"name": label, **as_mapping(node, f"{at}.{label}")}
        made[label] = resolve(own, "jaxgan.losses", kind=Penalty, at=f"{at}.{label}")()
    return made


def check_critic(stats: Any, terms: Terms, joint: bool = False) -> None:
    """Refuses a per-sample penalty or a joint pass with a critic that mixes samples.

    Args:
      stats: the critic's statistics, abstract or not.
      terms: from `regularizers`.
      joint: whether real and fake images pass through d as one batch.

    Raises:
      UserError: the reason, in one line.
    """
    if joint and "batch_stats" in stats:
        raise UserError(
            f"{AT}.joint would give BatchNorm in d the moments of real and fake images together; "
            f"set {AT}.d.norm=LayerNorm or Identity, or {AT}.joint=False"
        )
    for label, (term, _) in terms.items():
        if term.per_sample and "batch_stats" in stats:
            raise UserError(
                f"{AT}.regularizers.{label} penalizes the gradient of each sample's own output, "
                f"but BatchNorm in d mixes samples; set {AT}.d.norm=LayerNorm or Identity"
            )


def _first(kind: Any) -> str:
    """Returns the name of what a net is applied to: by this package's custom z, ws or x."""
    _, *names = inspect.signature(kind.__call__).parameters
    return names[0] if names else ""


def _path(kind: Any) -> str:
    return f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}"
