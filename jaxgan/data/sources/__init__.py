"""One file per kind of data source; each public function here opens one."""
