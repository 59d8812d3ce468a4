"""Many at the same time."""
import threading


def at_once(n, function):
    """Calls function(i) in n threads and answers what they return."""
    results, barrier = [None] * n, threading.Barrier(n)

    def run(i):
        barrier.wait()
        results[i] = function(i)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert None not in results
    return results
