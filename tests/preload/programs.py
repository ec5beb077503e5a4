# SPDX-License-Identifier: MIT
"""Programs that print the same each time, if their threads meet.

programs.py threads     the classes of threading, queues, pools
programs.py memcached   a server, and clients that ask it
"""
import concurrent.futures
import getpass
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time


def pass_through_queues(count, length):
    """Items go from thread to thread, in order."""
    queues = [queue.Queue(length) for _ in range(count)]

    def hand_on(source, target):
        while (item := source.get()) is not None:
            target.put(item + 1)
        target.put(None)

    for source, target in zip(queues, queues[1:]):
        threading.Thread(target=hand_on, args=(source, target)).start()
    threading.Thread(target=lambda: [queues[0].put(item) for item in
                                     [*range(2000), None]]).start()
    return sum(iter(queues[-1].get, None))


def meet(parties, rounds):
    """Nobody is a round ahead."""
    barrier = threading.Barrier(parties)
    counts = [0] * parties
    apart = []

    def go(me):
        for number in range(rounds):
            counts[me] += 1
            barrier.wait()
            apart.extend(n for n in counts if n != number + 1)
            barrier.wait()

    threads = [threading.Thread(target=go, args=(me,))
               for me in range(parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts, apart


def time_out():
    begin = time.monotonic()
    event = threading.Event()
    seen = event.wait(0.1)
    return seen, time.monotonic() - begin >= 0.1


def threads():
    print(pass_through_queues(5, 3))
    print(meet(4, 200))
    print(time_out())
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        print(sum(pool.map(lambda n: n * n, range(5000))))


def ask(path, number, answers):
    """Set, increment and read; the answers, as they came."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        file = server.makefile('rwb')
        lines = []
        for key in range(100):
            file.write(b'set k%d-%d 0 0 2\r\n10\r\n' % (number, key))
            file.write(b'incr k%d-%d %d\r\n' % (number, key, key))
            file.write(b'get k%d-%d\r\n' % (number, key))
            file.flush()
            lines += [file.readline() for _ in range(5)]
        answers[number] = b''.join(lines).decode()


def is_ready(server, path):
    if server.poll() is not None:
        sys.exit(f'memcached ended: {server.returncode}')
    with socket.socket(socket.AF_UNIX) as peer:
        return peer.connect_ex(path) == 0


def memcached():
    answers = [None] * 8
    with tempfile.TemporaryDirectory() as work:
        path = work + '/socket'
        command = ['memcached', '-u', getpass.getuser(), '-t', '4',
                   '-s', path]
        with subprocess.Popen(command) as server:
            while not is_ready(server, path):
                time.sleep(0.01)
            clients = [threading.Thread(target=ask, args=(path, n, answers))
                       for n in range(len(answers))]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            server.terminate()
            print(server.wait())
    print(answers)


if __name__ == '__main__':
    {'threads': threads, 'memcached': memcached}[sys.argv[1]]()
