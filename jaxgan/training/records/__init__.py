"""The records of a run: checksums of its checkpoints, and its TensorBoard events."""
