"""Config nodes become the parts of a one-G-one-D game; what must not be combined is refused."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.config.registry import Node, options, resolve
from jaxgan.core.game import Spec
from jaxgan.core.network import Net, pure
from jaxgan.losses.auxiliary import Auxiliary
from jaxgan.losses.regularizers import Regularizer
from jaxgan.runtime.errors import UserError

AT = "config.game"


def nets(
    g: Node, d: Node, spec: Spec, conditional: bool, extra: Auxiliary | None
) -> tuple[Net, Net]:
    """The nets under config.game.g and .d, told the data's shape and what else they ask for.

    Args:
      g, d: "file.Class" with options. The class has a field `shape`, and `classes` where it can
        take a condition, and `heads` where it can predict one.
      spec: the data's shape and classes.
      conditional: whether the data's condition plays a part.
      extra: what d's heads are for, if anything; d then sees no condition.

    Raises:
      UserError: an unknown name or option, or a net that lacks what the game needs of it.
    """
    classes = {"classes": spec.classes}
    needed_g = classes if conditional or (extra and extra.code) else {}
    needed_d = classes if conditional else {}
    if extra:
        needed_d = {"heads": extra.heads(spec.classes)}
    return pure(module(g, spec, "g", needed_g)), pure(module(d, spec, "d", needed_d))


def module(node: Node, spec: Spec, player: str, needed: Mapping[str, int]) -> nn.Module:
    """The net under config.game.<player>, told the data's shape and what else is `needed` of it.

    Raises:
      UserError: an unknown name or option, or a net that lacks what the game needs of it.
    """
    at = f"{AT}.{player}"
    made = resolve(node, "jaxgan.nets", at=at, given=("shape", "classes", "heads"))
    lacks = set(needed) - options(made.func)
    if lacks:
        does = {"classes": "takes no condition", "heads": "predicts nothing besides real or fake"}
        raise UserError(
            f"{at}: {made.func.__module__}.{made.func.__name__} {does[lacks.pop()]}; "
            "use a net that does, as dcgan.*"
        )
    return made(shape=spec.shape, **needed)


def grower(node: Node, spec: Spec, player: str) -> Net:
    """The net under config.game.<player>, which takes a level and a span of resolutions.

    Raises:
      UserError: an unknown name or option, or a net of one resolution.
    """
    made = module(node, spec, player, {})
    if "level" not in options(made.__call__):
        raise UserError(
            f"{AT}.{player}: {_path(type(made))} does not grow; progan.{type(made).__name__} does"
        )
    return pure(made)


def _path(kind: type) -> str:
    return f"{kind.__module__.removeprefix('jaxgan.nets.')}.{kind.__name__}"


def regularizers(nodes: Mapping[str, Node]) -> dict[str, tuple[Regularizer, int]]:
    """label -> (regulariser, every) of config.game.regularizers; the label may be the name.

    Raises:
      UserError: an unknown name or option.
    """
    made = {}
    for label, node in nodes.items():
        options = {"name": node} if isinstance(node, str) else {"name": label, **node}
        every = options.pop("every", 1)
        at = f"{AT}.regularizers.{label}"
        if not isinstance(every, int) or every < 1:
            raise UserError(f"{at}.every={every!r}: a number of steps, at least 1")
        made[label] = resolve(options, "jaxgan.losses.regularizers", at=at)(), every
    return made


def check_condition(
    spec: Spec, condition: str, matching_aware: bool, extra: Auxiliary | None
) -> None:
    """Refuses a condition that the data do not have, or that nothing uses.

    Raises:
      UserError: the reason, in one line.
    """
    if condition not in ("", "label", "condition"):
        raise UserError(f"{AT}.condition={condition!r}: '', 'label' or 'condition'")
    if condition == "label" and spec.classes < 2:
        raise UserError(
            f"{AT}.condition=label, but the data have {spec.classes} classes; use labelled data"
        )
    if condition == "condition" and not spec.condition_dim:
        raise UserError(
            f"{AT}.condition=condition, but the data have no vectors; put a conditions.npy beside "
            "the pictures of a folder: source"
        )
    if matching_aware and (not condition or extra):
        raise UserError(f"{AT}.matching_aware needs a condition that d sees: set {AT}.condition")
    if extra and extra.code is None and condition != "label":
        raise UserError(f"{AT}.auxiliary=acgan reads labels: set {AT}.condition=label")
    if extra and extra.code is not None and condition:
        raise UserError(f"{AT}.auxiliary=infogan draws its own code: set {AT}.condition=''")


def check_given(
    given: Mapping[str, jax.Array], spec: Spec, condition: str, extra: Auxiliary | None
) -> None:
    """Refuses to draw samples of a `label` or `condition` that the game does not know.

    Raises:
      UserError: the reason, in one line.
    """
    coded = extra is not None and extra.code is not None
    takes = "label" if coded else condition
    for name, rows in given.items():
        if name != takes:
            known = {"": "neither labels nor conditions", "label": "labels", "condition": "vectors"}
            raise UserError(f"no {name} can be drawn: this model takes {known[takes]}")
        if name == "condition" and rows.shape[1] != spec.condition_dim:
            raise UserError(
                f"conditions of length {rows.shape[1]}: this model takes {spec.condition_dim}"
            )
        if name == "label" and not (rows.min() >= 0 and rows.max() < _categories(spec, extra)):
            most = _categories(spec, extra) - 1
            raise UserError(f"labels {rows.min()} to {rows.max()}: this model takes 0 to {most}")


def _categories(spec: Spec, extra: Auxiliary | None) -> int:
    return extra.categories if extra and extra.code else spec.classes


def check_critic(
    stats: Any, terms: Mapping[str, tuple[Regularizer, int]], joint: bool = False
) -> None:
    """Refuses, of a critic that mixes its samples, a per-sample penalty and a joint pass.

    Args:
      stats: the critic's statistics, abstract or not.
      terms: from `regularizers`.
      joint: whether reals and fakes pass through d as one batch.

    Raises:
      UserError: the reason, in one line.
    """
    if joint and "batch_stats" in stats:
        raise UserError(
            f"{AT}.joint would give BatchNorm in d the moments of reals and fakes together; set "
            f"{AT}.d.norm=LayerNorm or Identity, or {AT}.joint=False"
        )
    for label, (term, _) in terms.items():
        if term.per_sample and "batch_stats" in stats:
            raise UserError(
                f"{AT}.regularizers.{label} penalises the gradient of each sample's own output, "
                f"but BatchNorm in d mixes samples; set {AT}.d.norm=LayerNorm or Identity"
            )


def mismatched(y: jax.Array, classes: int, key: jax.Array) -> jax.Array:
    """Another condition for each row: a different label, or another row's vector."""
    if jnp.issubdtype(y.dtype, jnp.integer):
        return (y + jax.random.randint(key, y.shape, 1, classes)) % classes
    return jnp.roll(y, jax.random.randint(key, (), 1, len(y)), axis=0)
