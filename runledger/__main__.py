"""`python -m runledger` is the command `runledger`."""

import sys

from runledger.cli import main

sys.exit(main())
