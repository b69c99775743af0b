"""What the worker processes of preparation and training have in common: they end with their parent.

No part of the paper.
"""

import multiprocessing
import os
import signal
import threading


def follow_parent() -> None:
    """To be called early in a worker: Ctrl-C is for the parent, and if that is killed, we end too.

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


def leave_endings_to_parent() -> None:
    """To be called first in a worker: TERM and HUP are obeyed from the parent only.

    A whole group gets them, and the parent first finishes its step, with us. What the parent itself
    sends has to end us: when it ends, Python sends TERM to its workers and waits for them.
    """
    if not hasattr(signal, "sigwaitinfo"):  # macOS, Windows: nobody says who sent a signal
        return
    endings = {signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, endings)

    def wait() -> None:
        while signal.sigwaitinfo(endings).si_pid != os.getppid():
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
