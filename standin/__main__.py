"""`python -m standin`: runs the stand-in until SIGTERM or SIGINT.

Prints one line of JSON on stdout when it is ready: host, port, control_port, pid; with `--tls auto` also ca_file, with
`--clear-port` also clear_port.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from standin.control import ControlServer
from standin.engine import open_engine
from standin.tds.certificates import make_certificate
from standin.tds.server import Server
from standin.tds.tls import Encryption


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m standin", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="TDS port on 127.0.0.1; 0 (default): a free one")
    parser.add_argument("--control-port", type=int, default=0, help="control channel; 0 (default): a free port")
    parser.add_argument("--user", default="sa")
    parser.add_argument("--password", help="default: the environment's STANDIN_PASSWORD")
    parser.add_argument("--tls", choices=["auto"], help="offer TLS with an authority and a certificate made for it")
    parser.add_argument("--tls-certificate", type=Path, metavar="PEM", help="offer TLS; default: everything in clear")
    parser.add_argument("--tls-key", type=Path, metavar="PEM")
    parser.add_argument("--tls-required", action="store_true", help="refuse clients that want to stay in clear")
    parser.add_argument(
        "--clear-port",
        type=int,
        metavar="PORT",
        help="a second port without TLS, for clients that lack it; 0: a free one",
    )
    parser.add_argument("--data", metavar="DIR", help="where SQLite's file lies; nothing outlives the process")
    parser.add_argument(
        "--capture-interval",
        type=float,
        metavar="SECONDS",
        help="between two scans of the log; 0 (default): only when sp_cdc_scan is called",
    )
    parser.add_argument("--time-zone", metavar="NAME", help="the server's local time, e.g. Europe/Berlin")
    parser.add_argument("--server-version", metavar="YEAR", help="2012 to 2025; default: 2022")
    parser.add_argument("--edition", help="developer (default), azure (SQL Database) or managed (Instance)")
    parser.add_argument(
        "--engine",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other option of standin.engine.open_engine; the value as JSON, or else as text",
    )
    return parser.parse_args()


def _engine_options(arguments: argparse.Namespace, password: str) -> dict[str, Any]:
    """Only what was said, so that the engine's own defaults hold."""
    options: dict[str, Any] = {
        "users": {arguments.user: password},
        "data_dir": arguments.data,
        "capture_interval": arguments.capture_interval,
        "time_zone": arguments.time_zone,
        "version": arguments.server_version,
        "edition": arguments.edition,
    }
    for pair in arguments.engine:
        name, _, text = pair.partition("=")
        try:
            options[name] = json.loads(text)
        except ValueError:
            options[name] = text
    return {name: value for name, value in options.items() if value is not None}


def _encryption(arguments: argparse.Namespace, folder: Path) -> tuple[Encryption | None, dict[str, Any]]:
    """What the server offers, and what the ready line says of it. `folder` takes what `--tls auto` makes."""
    if arguments.tls == "auto":
        made = make_certificate(folder)
        return Encryption(made.certificate, made.key, arguments.tls_required), {"ca_file": str(made.ca)}
    if arguments.tls_certificate is None:
        return None, {}
    return Encryption(arguments.tls_certificate, arguments.tls_key, arguments.tls_required), {}


def main() -> int:
    arguments = _arguments()
    password = arguments.password if arguments.password is not None else os.environ.get("STANDIN_PASSWORD")
    if password is None:
        print("standin: --password or the environment's STANDIN_PASSWORD is needed", file=sys.stderr)
        return 2
    # Waited for, not handled: a handler that comes while its own thread holds a lock that it needs would wait for ever.
    ending = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    with tempfile.TemporaryDirectory(prefix="standin-tls-") as folder:
        _serve(arguments, password, Path(folder), ending)
    return 0


def _serve(arguments: argparse.Namespace, password: str, folder: Path, ending: set[signal.Signals]) -> None:
    """Until one of the signals comes; they are blocked."""
    encryption, told = _encryption(arguments, folder)
    engine = open_engine(**_engine_options(arguments, password))
    servers = [Server(engine, arguments.port, encryption)]
    control = ControlServer(servers[0], arguments.control_port, engine.operations())
    if arguments.clear_port is not None:
        servers.append(Server(engine, arguments.clear_port))
        told["clear_port"] = servers[1].port
    for server in servers:
        server.start()
    control.start()
    ready = {"host": "127.0.0.1", "port": servers[0].port, "control_port": control.port, "pid": os.getpid(), **told}
    print(json.dumps(ready), flush=True)
    signal.sigwait(ending)
    control.stop()
    for server in servers:
        server.stop()
    engine.close()


if __name__ == "__main__":
    sys.exit(main())
