"""A drainer that drains nothing: it says that it started and that it ended."""

import sys
from pathlib import Path

from chaos.history import Log
from chaos.orders import ending

if __name__ == "__main__":
    over = ending()
    with Log(Path(sys.argv[1]), sys.argv[3]) as log:
        log.note("started", lane=int(sys.argv[2]))
        over.wait()
        log.note("ended")
