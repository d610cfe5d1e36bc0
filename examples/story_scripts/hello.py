"""Logs one value to the run that it was submitted as."""

from runledger import Run

run = Run.get_context()
run.log(name="message", value="Hello from run!")
print("hello")
