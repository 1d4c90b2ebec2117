"""`python -m chaos`."""

import signal
import sys

from chaos.main import main

if __name__ == "__main__":
    # So that whatever was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
