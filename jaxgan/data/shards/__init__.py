"""Data sets as shards of records: written by jaxgan.prepare, read at random by `records:`."""
