"""Whole commands, timed."""
import os
import subprocess
import sys
import threading
import time


def measure(cmd):
    """Wall seconds, peak anonymous memory in KiB, of one run."""
    start = time.monotonic()
    p = subprocess.Popen(cmd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    done = threading.Event()

    def sample():
        nonlocal peak
        while not done.is_set():
            try:
                for line in open('/proc/%d/status' % p.pid):
                    if line.startswith('RssAnon:'):
                        peak = max(peak, int(line.split()[1]))
            except (OSError, IndexError):
                pass
            done.wait(0.005)

    t = threading.Thread(target=sample)
    t.start()
    code = p.wait()
    seconds = time.monotonic() - start
    done.set()
    t.join()
    if code != 0:
        sys.exit('%s: exit %d' % (' '.join(cmd), code))
    return seconds, peak


def processor_time(cmd):
    """Seconds of processor time of one run: a busy machine does not add to them."""
    p = subprocess.Popen(cmd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(p.pid, 0)
    if status != 0:
        sys.exit('%s: status %d' % (' '.join(cmd), status))
    return usage.ru_utime + usage.ru_stime


def median(xs):
    xs = sorted(xs)
    return xs[len(xs) // 2]
