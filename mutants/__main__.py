"""`python -m mutants`."""

import sys

from mutants.main import main

if __name__ == "__main__":
    sys.exit(main())
