"""Data sources, one file per kind; each public function that returns a `Source` is one."""
