"""A headless Chromium, driven by its DevTools protocol over a pipe, so that nothing else need be installed."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_SECONDS = 60.0


def find_browser() -> str:
    """Its path; skips the test, and says what would be tested, where there is none."""
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    pytest.skip("NO CHROMIUM: what a person sees of the status page is NOT tested (tools/install.sh --tests)")


class Browser:
    """One page. Every call returns when the browser has answered; one that never does fails the test."""

    def __init__(self, folder: Path) -> None:
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe"]
        flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        # Chromium reads from file 3 and writes to file 4; the shell puts ours there.
        command = f'exec "$@" 3<&{to_read} 4>&{to_write}'
        program = [find_browser(), *flags, f"--user-data-dir={folder / 'browser'}", "about:blank"]
        with (folder / "browser.log").open("wb") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", command, "bash", *program], pass_fds=(to_read, to_write), stdout=log, stderr=log
            )
        os.close(to_read)
        os.close(to_write)
        self._buffer = b""
        self._number = 0
        self._session = ""
        self._session = self._attach()
        self.call("Page.enable")
        self.call("Runtime.enable")

    def close(self) -> None:
        os.close(self._to)  # its end of the pipe gone, it ends by itself
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self._from)

    def open(self, url: str, width: int = 1200, height: int = 900, dark: bool = False, script: bool = True) -> None:
        """Shows `url` in a window of that size. A width below 600 is taken for a phone."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.call("Page.navigate", url=url)
        self.wait_for(f"location.href.startsWith({url!r}) && document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        reply = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in reply, reply["exceptionDetails"]
        return reply["result"].get("value")

    def text(self, selector: str = "body") -> str:
        """What can be read there: nothing that is hidden."""
        return str(self.evaluate(f"document.querySelector({selector!r}).innerText"))

    def wait_for(self, expression: str, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not self.evaluate(expression):
            assert time.monotonic() < end, f"never true within {seconds} s: {expression}"
            time.sleep(0.1)

    def screenshot(self, path: Path) -> None:
        reply = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(reply["data"]))

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + _SECONDS
        while True:
            reply = self._next(end, method)
            if reply.get("id") == self._number:
                assert "error" not in reply, f"{method}: {reply['error']}"
                return dict(reply["result"])

    def _attach(self) -> str:
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        return str(self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"])

    def _next(self, end: float, what: str) -> dict[str, Any]:
        """The next message of the browser; they end with a zero byte."""
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"the browser did not answer to {what}"
            part = os.read(self._from, 1 << 20)
            assert part, f"the browser ended at {what}"
            self._buffer += part
        message, self._buffer = self._buffer.split(b"\0", 1)
        return dict(json.loads(message))
