"""`python -m drill`."""

import sys

from drill.main import main

if __name__ == "__main__":
    sys.exit(main())
