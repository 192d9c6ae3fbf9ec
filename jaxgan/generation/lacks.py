"""What the runs of a game do not have, and why."""

from jaxgan.core.game import Game
from jaxgan.core.inputs import Code, Inputs, Label, Noise

LATENT = "z"


def lacking(game: Game) -> dict[str, str]:
    """Returns what the game's runs do not have, and why; see run.Run."""
    found = {}
    if not isinstance(game.inputs.get(LATENT), Noise):
        takes = "translates pictures" if game.translators else f"takes {', '.join(game.inputs)}"
        remedy = "; see python -m jaxgan.translate" if game.translators else ""
        found["latents"] = f"this run has no latents z: its game {takes}{remedy}"
    if not any(isinstance(field, Label | Code) for field in game.inputs.values()):
        found["labels"] = "this run's samples have no classes: its game takes no labels"
    if game.styles is None:
        found["styles"] = "this run has no w: its generator is not style-based, as StyleGAN's is"
    if not game.translators:
        found["translators"] = "this run does not translate: its game has one domain"
    return found


def kinds(inputs: Inputs) -> int:
    """Returns how many classes, or categories of a code, inputs have; 0 for none."""
    fields = inputs.values()
    counts = [field.classes for field in fields if isinstance(field, Label)]
    return max(
        counts + [field.categories for field in fields if isinstance(field, Code)], default=0
    )
