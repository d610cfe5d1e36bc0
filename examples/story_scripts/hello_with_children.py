"""Begins five children by one request, and one below the first of them that logs to the run at the top."""

from runledger import Run

run = Run.get_context()
children = run.create_children(count=5)
for number, child in enumerate(children):
    child.log(name="Hello from child run", value=number)
    child.complete()

with children[0].child_run(name="grandchild") as grandchild:
    grandchild.root.log("logged from below", grandchild.id)
