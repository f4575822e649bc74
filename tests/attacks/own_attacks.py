"""Our own attacks on our own grader: classes that the corpus does not have, as sources of an answer cell.

Each is worth nothing: whatever it gets is too much. `SINGLE` are one submission each; `STAGED` are
several by the same learner, the later of which try to get at what an earlier one kept.
"""

from __future__ import annotations

EXERCISE = {
    "SOLUTION": (
        "def squares(n):\n    if n < 1:\n        raise ValueError('n must be positive')\n"
        "    return [i * i for i in range(1, n + 1)]\n"
        "def each(f, items):\n    items[:] = [f(i) for i in items]\n    return items\n"
    ),
    "STUB": "def squares(n):\n    return None\n",
    "TESTS": [
        ("v", 1, False, "assert squares(2) == [1, 4]\n"),
        ("w", 1, False, "assert each(lambda i: i + 1, [1, 2]) == [2, 3]\n"),
        ("h1", 2, True, "# @@MARKC@@\nassert squares(4) == [1, 4, 9, 16], '@@MARKM@@'\n"),
        ("h2", 1, True, "# @@MARKC@@\ntry:\n    squares(0)\nexcept ValueError:\n    pass\nelse:\n    assert False\n"),
        ("h3", 2, True, "secret = @@SECRETN@@\nassert len(squares(secret)) == secret, '@@MARKM@@'\n"),
        ("h4", 2, True, "assert sum(squares(6)) == 91 and squares(6)[-1] == 36, '@@MARKM@@'\n"),
        (
            "h5",
            2,
            True,
            "key, seen = '@@MARKM@@', []\ndef note(i):\n    seen.append(i)\n    return len(seen) + len(key)\n"
            "data = [5, 6, 7]\nresult = each(note, data)\n"
            "assert seen == [5, 6, 7] and result is data and data == [len(key) + n for n in (1, 2, 3)]\n",
        ),
        ("h6", 1, True, "assert sorted(squares(3)) == [1, 4, 9] and list(squares(3))[1:] == [4, 9], '@@MARKM@@'\n"),
    ],
}

_SELF = "def each(f, items):\n    return None\n"
_PEER = (
    "import gc\ndef peer():\n    return next(o for o in gc.get_objects() if type(o).__name__ == 'SubjectPeer')\n"
    "def frames():\n    import sys\n    return sys.modules['nbcoach_grader.engine.framing']\n"
)
_ASK_ALL = (
    _PEER
    + """
def ask(*request):
    try:
        return repr(peer().request(*request))[:200]
    except BaseException as err:
        return ""
NAMES = ["__globals__", "__closure__", "__code__", "__self__", "__dict__", "__defaults__", "__wrapped__", "__doc__",
         "__class__", "__init__", "__reduce_ex__", "gi_frame", "func", "args", "append", "key", "seen", "fget"]
def look(f):
    found = []
    for number in range(12):
        for name in NAMES:
            found += [ask("attribute", number, name), ask("dunder", number, name, [1]), ask("set-attribute", number, name, 1)]
        found += [ask(verb, number) for verb in ("typename", "type", "dir", "source", "signature", "isinstance")]
        found += [ask("call", number, [2, [1, 7], [5]]), ask("call", number, [2, [1], [5]])]
    for name in ("key", "seen", "secret", "squares", "_namespace", "__builtins__", "own", "Author", "judge"):
        found += [ask("name", name), ask("names", name), ask("module", name), ask("delete-name", name)]
    for module in ("__main__", "nbcoach_grader.engine.judge", "gc", "sys", "inspect", "linecache"):
        found.append(ask("call", [40, "module", module], [2, [1], [5]]))
        found.append(ask("call", 1, [2, [1, [40, "module", module]], [5]]))
        for thing in ("get_objects", "_getframe", "modules", "cache", "Judge", "stack"):
            found.append(ask("call", 1, [2, [1, [40, "global", module, thing]], [5]]))
    return " ".join(f for f in found if f)
def each(f, items):
    raise RuntimeError(look(f))
def squares(n):
    raise RuntimeError(look(None))
"""
)

SINGLE: dict[str, str] = {
    # what comes back is a liar that means well
    "methods that say yes": (
        "class Yes:\n    def __getattr__(self, name):\n        return lambda *a, **k: True\n"
        "    def __bool__(self): return True\n    def __len__(self): return 5\n    def __iter__(self): return iter([self])\n"
        "    def __getitem__(self, key): return self\n    def __radd__(self, other): return 91\n    __add__ = __radd__\n"
        "    def __eq__(self, other): return True\n    def __hash__(self): return 1\n"
        "    def check(self): return True\n    def __lt__(self, other): return True\n"
        "def squares(n): return Yes()\ndef each(f, items): return Yes()\n"
    ),
    "another answer at each look": (
        "class Turn(list):\n    looks = 0\n    def _next(self):\n        Turn.looks += 1\n        return Turn.looks\n"
        "    def __len__(self): return self._next()\n    def __iter__(self): return iter([self._next()] * 4)\n"
        "    def __getitem__(self, key): return self._next()\n    def __eq__(self, other): return bool(self._next() % 2)\n"
        "    def __class_getitem__(cls, key): return cls\n"
        "def squares(n): return Turn()\ndef each(f, items): return Turn()\n"
    ),
    "the test's own list, emptied and written back": (
        "def squares(n): return 0\ndef each(f, items):\n    items.clear()\n    return items\n"
    ),
    "the same list again and again": "KEPT = []\ndef squares(n):\n    return KEPT\ndef each(f, items):\n    KEPT[:] = items\n    return KEPT\n",
    # callbacks
    "callback kept and called later": (
        "KEPT = []\ndef each(f, items):\n    KEPT.append(f)\n    return items\n"
        "def squares(n):\n    return [g(n) for g in KEPT]\n"
    ),
    "callback called without end": "def squares(n): return None\ndef each(f, items):\n    while True: f(1)\n",
    "callback given ever new objects": (
        "class O: pass\ndef squares(n): return None\ndef each(f, items):\n"
        "    while True:\n        try: f(O())\n        except Exception: pass\n"
    ),
    "callback that calls us back": (
        "def squares(n): return None\ndef each(f, items):\n    return each(lambda i: each(f, [f]), [each]) and f(each)\n"
    ),
    "callback taken apart": (
        "import inspect, traceback, sys\ndef squares(n): return None\ndef each(f, items):\n    out = []\n"
        "    for name in dir(f) + ['__globals__', '__closure__', '__code__', '__self__', '__func__', '__defaults__']:\n"
        "        try: out.append(repr(getattr(f, name)))\n        except BaseException as err: out.append(repr(err))\n"
        "    try: f(object(), 1, 2, 3)\n    except BaseException as err:\n"
        "        out.append(repr(err.args)); tb = err.__traceback__\n        while tb:\n"
        "            out.append(repr(tb.tb_frame.f_locals)[:300]); tb = tb.tb_next\n"
        "    raise RuntimeError(' '.join(out))\n"
    ),
    # the protocol itself
    "asks the judge for everything": _ASK_ALL,
    "asks without end": (
        _PEER + _SELF + "def squares(n):\n    p = peer()\n    while True:\n        try: p.request('typename', 1)\n"
        "        except Exception: pass\n"
    ),
    "answers twice": _PEER
    + _SELF
    + "def squares(n):\n    for _ in range(50): peer()._send([0, [2, 7, [1]], ''])\n    return None\n",
    "answers and forks": (_SELF + "import os\ndef squares(n):\n    os.fork()\n    os.fork()\n    return n\n"),
    "answers with half a frame": (
        _PEER + _SELF + "def squares(n):\n    import time\n    peer().sock.sendall(b'\\x00\\x00')\n    time.sleep(60)\n"
    ),
    "announces a huge frame": (
        _PEER
        + _SELF
        + "def squares(n):\n    peer().sock.sendall(b'\\xff\\xff\\xff\\xff' + b'x' * 10000)\n    return None\n"
    ),
    "frames nested beyond measure": (
        _PEER + _SELF + "def squares(n):\n    body = b'\\x91' * 200000 + b'\\xc0'\n"
        "    peer().sock.sendall(len(body).to_bytes(4, 'big') + body)\n    return None\n"
    ),
    "written back what was never given": (
        _PEER + _SELF + "def squares(n):\n"
        "    peer()._send([0, [2, [1, 1, 4, 9, 16], [1, [1] , [1]]], ''])\n    return None\n"
    ),
    # values that cost more to take than to give
    "endless generator": "def squares(n):\n    while True: yield 1\n" + _SELF,
    "endless generator of large items": "def squares(n):\n    while True: yield 'x' * 10**6\n" + _SELF,
    "endless range": "def squares(n): return range(10 ** 18)\n" + _SELF,
    "digits without end": "def squares(n): return [10 ** 10_000_000] * n if n > 0 else None\n" + _SELF,
    "digits just within bounds": "def squares(n): return [10 ** 19_000] * max(n, 1)\n" + _SELF,
    "decimal beyond all bounds": (
        "from decimal import Decimal\ndef squares(n): return [Decimal('1e999999')] * 4\n" + _SELF
    ),
    "all keys with one hash": "def squares(n): return {i * (2 ** 61 - 1) for i in range(1, 20000)}\n" + _SELF,
    "nested to the last level": (
        "def squares(n):\n    r = []\n    for _ in range(58): r = [r, r]\n    return r\n" + _SELF
    ),
    "object within object within object": (
        "class P:\n    def __getattr__(self, n): return P()\n    def __iter__(self): return P()\n    def __next__(self): return P()\n"
        "    def __len__(self): return 10 ** 9\n    def __getitem__(self, k): return P()\ndef squares(n): return P()\n"
        + _SELF
    ),
    "array of huge shape": "import numpy as np\ndef squares(n): return np.broadcast_to(np.int8(1), (10 ** 6, 10 ** 6))\n"
    + _SELF,
    # the shell, the interpreter and its hooks
    "run_cell that says all is well": (
        "ip = get_ipython()\nclass R: error_before_exec = error_in_exec = None; success = True; result = None\n"
        "ip.run_cell = lambda *a, **k: R()\ntype(ip).run_cell = lambda *a, **k: R()\ndef squares(n): return None\n"
        + _SELF
    ),
    "the grader's own modules replaced": (
        "import sys\nfor name in [n for n in sys.modules if n.startswith('nbcoach')]:\n    m = sys.modules[name]\n"
        "    for part in ('serve', 'run_cell', 'pack', 'send', 'Encoder'):\n        if hasattr(m, part): setattr(m, part, lambda *a, **k: {'ok': True, 'cells': []})\n"
        "def squares(n): return None\n" + _SELF
    ),
    "no modules left": "import sys\nsys.modules.clear()\ndef squares(n): return None\n" + _SELF,
    "no builtins left": "import builtins\nfor n in list(vars(builtins)):\n    if n[0] != '_': delattr(builtins, n)\n",
    "trace and profile": (
        "import sys, threading\ndef t(frame, event, arg):\n    if event == 'return' and 'request' in frame.f_locals: frame.f_locals['request'] = []\n    return t\n"
        "sys.settrace(t); sys.setprofile(t); threading.settrace(t)\ndef squares(n): return None\n" + _SELF
    ),
    "exit hooks and finalizers": (
        "import atexit, os, weakref\nclass D:\n    def __del__(self): os._exit(0)\nKEEP = D()\natexit.register(os._exit, 0)\n"
        "def squares(n):\n    global KEEP\n    KEEP = None\n    return None\n" + _SELF
    ),
    "alarm swallowed": (
        "import signal\ndef squares(n):\n    signal.setitimer(signal.ITIMER_REAL, 0)\n    signal.signal(signal.SIGALRM, signal.SIG_IGN)\n"
        "    while True:\n        try:\n            while True: pass\n        except BaseException: pass\n" + _SELF
    ),
    "alarm blocked": (
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\ndef squares(n):\n    while True: pass\n"
        + _SELF
    ),
    "threads at work while asked": (
        "import threading\ndef run():\n    while True:\n        globals()['squares'] = lambda n: [n]\n        globals()['each'] = lambda f, i: i\n"
        "for _ in range(4): threading.Thread(target=run, daemon=True).start()\ndef squares(n): return None\n" + _SELF
    ),
    "limits lowered on oneself": (
        "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "def squares(n): return None\n" + _SELF
    ),
    "recursion limit of nothing": "import sys\ndef squares(n):\n    sys.setrecursionlimit(60)\n    return squares(n)\n"
    + _SELF,
    "kills all it can reach": "import os, signal\ndef squares(n): return None\nos.kill(-1, signal.SIGKILL)\n",
    "kills its own group": "import os, signal\ndef squares(n):\n    os.killpg(0, signal.SIGKILL)\n" + _SELF,
    "stops its own group": "import os, signal\nos.killpg(0, signal.SIGSTOP)\ndef squares(n): return None\n",
    # descriptors and orders
    "takes its own orders away": (
        "import os, socket, threading\ndef take(fd):\n    s = socket.socket(fileno=fd)\n    while True:\n        try: s.recvmsg(65536, 4096)\n        except OSError: pass\n"
        "for fd in range(3, 20):\n    try:\n        os.fstat(fd); threading.Thread(target=take, args=(os.dup(fd),), daemon=True).start()\n    except OSError: pass\n"
        "def squares(n): return None\n" + _SELF
    ),
    "lies about its forks": (
        "import os, struct, msgpack\nbody = msgpack.packb({'pid': 1})\nfor fd in range(3, 20):\n    for _ in range(4):\n"
        "        try: os.set_blocking(fd, False); os.write(fd, struct.pack('>I', len(body)) + body)\n        except OSError: pass\n"
        "def squares(n): return None\n" + _SELF
    ),
    "sends descriptors to the service": (
        "import os, socket, array\nfds = [os.open('/dev/null', os.O_RDONLY) for _ in range(50)]\nfor fd in range(3, 12):\n"
        "    try:\n        s = socket.socket(fileno=os.dup(fd))\n        s.setblocking(False)\n"
        "        for _ in range(20): socket.send_fds(s, [b'\\0\\0\\0\\1\\xc0'], fds)\n    except OSError: pass\n"
        "def squares(n): return None\n" + _SELF
    ),
    # folders that are hard to remove
    "a folder too deep to remove": (
        "import os\ntry:\n    for _ in range(3000):\n        os.mkdir('d'); os.chdir('d')\nexcept OSError: pass\ndef squares(n): return None\n"
        + _SELF
    ),
    "a folder too deep to walk": (
        "import os\ndef squares(n):\n    for _ in range(1500):\n        try: os.mkdir('d'); os.chdir('d')\n        except OSError: break\n"
        + _SELF
    ),
    "names that are no text": (
        "import os\nfor name in (b'\\xff\\xfe', b'a' * 255, b'\\x1b]0;x\\x07', b'..\\n'): open(name, 'w').close()\n"
        "os.symlink('/', 'root'); os.symlink('self', 'self'); os.mkfifo('pipe')\ndef squares(n): return None\n" + _SELF
    ),
    "more files than can be counted": (
        "for number in range(20000): open(f'f{number}', 'w').close()\ndef squares(n): return None\n" + _SELF
    ),
    "a file with holes": "import os\nos.truncate(os.open('big', os.O_CREAT | os.O_RDWR), 2 ** 40)\ndef squares(n): return None\n"
    + _SELF,
    # words
    "half a character": "def squares(n):\n    raise RuntimeError('\\ud800\\udfff \\x00 \\x1b[2J')\nprint('\\ud800 \\x9b31m')\n"
    + _SELF,
    "a name that is none": "def squares(n):\n    if n < 1: return None\n    raise type('\\ud800' * 300, (BaseException,), {})('x' * 10 ** 7)\n"
    + _SELF,
    "a report of megabytes": (
        "import sys\nsys.stdout.write('x' * 10 ** 8)\nclass E(Exception):\n    def __str__(self): return 'y' * 10 ** 8\n"
        "def squares(n): return None\ndef each(f, i): return None\nraise E\n"
    ),
    "magics that leave nothing": "%reset -f\n%load_ext autoreload\n!kill -9 $PPID\n",
    "says that it was right": "def squares(n):\n    raise SystemExit(0)\n" + _SELF,
}

_KEEP = """
import os, json
PLACES = [".", "/dev/shm", "/tmp", "/var/tmp", os.path.expanduser("~"), "/dev/mqueue", "/run", ".."]
def keep(*values):
    text = "KEPT" + repr(values)
    for place in PLACES:
        try:
            with open(place + "/kept.txt", "a") as f: f.write(text)
        except OSError: pass
    os.environ["KEPT"] = text
def squares(n):
    keep(n)
    try: open("pipe", "w").write(str(n))
    except OSError: pass
    return None
def each(f, items):
    keep(items, f(items[0]))
"""
_FIND = """
import os
for place in (".", "/dev/shm", "/tmp", "/var/tmp", os.path.expanduser("~"), "/dev/mqueue", "/run", ".."):
    try:
        for name in os.listdir(place):
            try: print(place, name, open(place + "/" + name).read(10000))
            except OSError: pass
    except OSError: pass
print(os.environ.get("KEPT"))
for name in ("/proc/self/environ", "/proc/1/cmdline", "/proc/self/maps"):
    try: print(open(name).read(1000))
    except OSError: pass
def squares(n): return None
def each(f, items): return None
"""
_THREAD = """
import os, threading, time, builtins
LATER = []
def tell():
    while True:
        time.sleep(0.01)
        for fd in range(3, 12):
            try: os.write(fd, repr(LATER).encode())
            except OSError: pass
        builtins.print(LATER)
threading.Thread(target=tell, daemon=True).start()
def squares(n):
    LATER.append(n)
    return None
def each(f, items): return None
"""
_MEMORY = """
import ctypes, multiprocessing.shared_memory as shm, mmap, os
libc = ctypes.CDLL(None)
found = []
for make in (lambda: shm.SharedMemory(name="nbkept", create=True, size=64), lambda: shm.SharedMemory(name="nbkept")):
    try:
        m = make(); found.append(m); print("shm", bytes(m.buf[:32]))
    except OSError: pass
print("sysv", libc.shmget(0x5252, 64, 0o1666), "queue", libc.msgget(0x5252, 0o1666), "mq", libc.mq_open(b"/kept", 0o102, 0o666, None))
fd = os.memfd_create("kept"); os.ftruncate(fd, 4096)
page = mmap.mmap(fd, 4096)
print("page", page[:64].rstrip(b"\\0"))
def squares(n):
    page[:20] = str(n).encode().ljust(20)
    for m in found: m.buf[:20] = str(n).encode().ljust(20)
    return None
def each(f, items): return None
"""
STAGED: dict[str, tuple[str, ...]] = {
    "files, environment and pipes": (_KEEP, "import os\ntry: os.mkfifo('pipe')\nexcept OSError: pass\n" + _KEEP, _FIND),
    "the same source, run again": (
        _KEEP + _FIND.replace("def squares(n): return None\ndef each(f, items): return None\n", ""),
    )
    * 2,
    "a thread that tells later": (_THREAD, _THREAD, _FIND),
    "memory of all kinds": (_MEMORY, _MEMORY, _MEMORY + "\nprint('again')"),
}
