"""What the worker processes of preparation and training have in common: they end with their parent.

No part of the paper.
"""

import multiprocessing
import os
import signal
import threading


def follow_parent() -> None:
    """To be called first in a worker: Ctrl-C is for the parent, and if that is killed, we end too.

    The data loader's own watchdog compares parents since it began to look, and one that was killed
    before leaves a worker for ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def follow() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
