"""``python -m tests.aws_server PORT`` serves on 127.0.0.1; port 0 takes a free one and says which."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading

from werkzeug.serving import WSGIRequestHandler, make_server

from tests.aws_server.application import Application


class QuietHandler(WSGIRequestHandler):
    """Werkzeug's handler without an access log; an answer leaves in one packet, not waiting for acknowledgements."""

    disable_nagle_algorithm = True
    wbufsize = -1

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing."""


def exit_with_parent() -> None:
    """End this process when its standard input ends: a test run that was killed leaves no server behind."""
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Serve until terminated."""
    parser = argparse.ArgumentParser(prog="python -m tests.aws_server", description=__doc__)
    parser.add_argument("port", type=int, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--exit-with-stdin", action="store_true", help="end when standard input ends")
    options = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    if options.exit_with_stdin:
        threading.Thread(target=exit_with_parent, daemon=True).start()
    server = make_server("127.0.0.1", options.port, Application(), threaded=True, request_handler=QuietHandler)
    print(f"READY http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


main()
