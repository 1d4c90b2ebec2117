"""`python -m benchmarks.delaying_proxy HOST PORT MS`: prints its port, ends with its input."""

import sys

from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.testing import Action, TcpProxy


def main(host: str, port: int, milliseconds: float) -> None:
    """Pass requests on, each after a wait."""

    def wait(request: bytes) -> Action:
        del request
        if milliseconds:
            SYSTEM_CLOCK.sleep(milliseconds / 1000)
        return Action.PASS

    with TcpProxy(port, host, on_request=wait, without_tls=True) as proxy:
        print(proxy.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
