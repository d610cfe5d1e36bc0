"""Takes longer than anybody wants to wait."""

import time

print("this takes a minute", flush=True)
time.sleep(60)
