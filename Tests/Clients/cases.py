"""What the clients' cases share: they are run one after the other, and each tells how it ended."""

import sys
import traceback


class Cases:
    def __init__(self):
        self.address, self.phase = sys.argv[1:3]
        self.failed = 0

    def run(self, name, case):
        try:
            case()
            print(f"  ok      {name}", flush=True)
        except Exception:
            self.failed += 1
            print(f"  FAILED  {name}", flush=True)
            traceback.print_exc()

    def end(self):
        sys.exit(1 if self.failed else 0)


def check(condition, message):
    if not condition:
        raise AssertionError(message)
