"""A child that knows the run above it."""

import sys

from runledger import Run

child = Run.get_context()
child.log("fruit", sys.argv[-1])
if child.parent is not None:
    print("below", child.parent.id)
