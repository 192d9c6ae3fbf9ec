"""Networks whose features metrics compare."""
