"""A browser for tests: Chromium without a window, by the DevTools protocol over a pipe."""

import json
import os
import shutil
import subprocess
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), "")


class Browser:
    """A page of Chromium. `said`: what its console reported; `requests`: what it asked for."""

    def __init__(self, profile: Path):
        ours, theirs = os.pipe(), os.pipe()  # (read, write) of its answers, of our commands
        os.set_inheritable(ours[1], True)
        os.set_inheritable(theirs[0], True)
        # The protocol's pipes are descriptors 3 and 4.
        shell = f'exec "$0" "$@" 3<&{theirs[0]} 4>&{ours[1]}'
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
        command = ["bash", "-c", shell, CHROMIUM, *flags, f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(
            command, pass_fds=(ours[1], theirs[0]), stderr=subprocess.DEVNULL
        )
        os.close(ours[1])
        os.close(theirs[0])
        self._in, self._out = os.fdopen(ours[0], "rb"), os.fdopen(theirs[1], "wb")
        self._next, self._session = 0, ""
        self.said: list[str] = []
        self.requests: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        found = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = found["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        """Sends a command and returns its result."""
        self._next += 1
        message = {"id": self._next, "method": method, "params": params}
        message |= {"sessionId": self._session} if self._session else {}
        self._out.write(json.dumps(message).encode() + b"\0")
        self._out.flush()
        while (answer := self._read()).get("id") != self._next:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, path, width, dark=False):
        """Loads a file in a window of that width."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=path.as_uri())
        while self._read().get("method") != "Page.loadEventFired":
            pass

    def value(self, expression):
        """Returns the value of an expression of JavaScript."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key):
        """Presses a key of the keyboard."""
        codes = {"ArrowLeft": 37, "Home": 36, "End": 35, "Tab": 9}
        for kind in ("rawKeyDown", "keyUp"):
            event = {"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
            self.call("Input.dispatchKeyEvent", **event)

    def click(self, x, y):
        """Clicks at a point of the window."""
        for kind in ("mousePressed", "mouseReleased"):
            event = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
            self.call("Input.dispatchMouseEvent", **event)

    def close(self):
        """Ends the browser."""
        self._process.kill()
        self._process.wait()
        self._in.close()
        self._out.close()

    def _read(self):
        parts = bytearray()
        while (byte := self._in.read(1)) != b"\0":
            assert byte, "the browser ended"
            parts += byte
        message = json.loads(parts)
        method, params = message.get("method"), message.get("params", {})
        if method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            self.said.append(json.dumps(params))
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        return message
