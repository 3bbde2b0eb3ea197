"""``python -m thoughtengine``: the command line."""

import sys

from thoughtengine.cli import main

if __name__ == "__main__":
    sys.exit(main())
