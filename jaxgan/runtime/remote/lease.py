"""Who trains in a remote workdir: an object there that its holder rewrites every BEAT seconds.

Stores have no locks. So a lease that is written anew is another's, who is refused; one that stays
the same for SILENT seconds is of a holder that died. Of two that begin in the same second, and see
no lease, both may believe that it is theirs until the next beat, at which the earlier one ends.
"""

import json
import os
import secrets
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.remote import store

BEAT, SILENT = 20.0, 70.0
NAME = ".jaxgan/lease.json"


class Lease:
    """Holds a remote workdir while it is open.

    last: whether the last holder was this machine's copy of the workdir, which then is the newest.
    lost: whether another has taken it meanwhile.
    """

    def __init__(self, url: str, own: Path):
        """`own` is a file of this machine, beside the copy, that says whose the copy is."""
        self._url, self._object, self._own = url, f"{url}/{NAME}", own
        self._token, self._beats = "", 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="lease")
        self.last = self.lost = False

    def __enter__(self) -> "Lease":
        """Takes the lease; of a holder that gives no sign it waits until it is known to be gone.

        Raises:
          UserError: another one trains there, or the store cannot be written.
        """
        self._token = self._own.read_text() if self._own.exists() else ""
        said = self._read()
        self.last = bool(self._token) and said.get("token") == self._token
        if said and not said.get("free") and not self.last:
            self._await(said)
        self._token = self._token if self.last else secrets.token_hex(8)
        self._write()
        files.write(self._own, self._token)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Says that it is free, without a wait where the store is out of reach."""
        self._over.set()
        self._thread.join()
        if not self.lost:
            try:
                self._write(free=True)
            except UserError as error:
                print(f"warning: {error}", file=sys.stderr)

    def _await(self, said: dict[str, Any]) -> None:
        """Waits until a lease has not been written anew for so long that nobody holds it."""
        print(f"{self._url}: {said.get('holder')} trained there; waiting {SILENT:g} s for a sign "
              "of it", file=sys.stderr, flush=True)  # fmt: skip
        until = time.monotonic() + SILENT
        while time.monotonic() < until:
            time.sleep(min(BEAT / 4, 2.0))
            now = self._read()
            if now.get("free"):
                return
            if now != said:
                raise UserError(
                    f"{self._url} is in use: {now.get('holder')} trains there; wait for it, stop "
                    "it, or pass another --workdir"
                )

    def _run(self) -> None:
        """Writes it anew until it is closed, or another's."""
        while not self._over.wait(BEAT):
            try:
                if self._read().get("token") != self._token:
                    self.lost = True
                    return
                self._write()
            except UserError:  # of the network; the next upload says it
                continue

    def _read(self) -> dict[str, Any]:
        try:
            said = json.loads(store.read(self._object) or b"{}")
        except ValueError:
            return {}
        return said if isinstance(said, dict) else {}

    def _write(self, free: bool = False) -> None:
        self._beats += 1
        holder = f"process {os.getpid()} on {socket.gethostname()}"
        said = {"token": self._token, "holder": holder, "beat": self._beats, "free": free}
        store.write(self._object, json.dumps(said).encode())
