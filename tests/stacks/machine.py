#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""machine.py LAB POOLSCOPE BUILD: threads of a whole machine. The first build says where code and stacks are; from the code
follows what calls of it leave on a stack; the second build has that there. Threads, states and frames must then be those."""

import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from simulate import SP, WORD, State, functions, walk  # noqa: E402

lab, exe, build = sys.argv[1:4]
arch = "x86" if "x86" in build else "arm64" if "arm64" in build else "x64"
CALLS = ("bl", "blr") if arch == "arm64" else ("call",)
word = WORD[arch]
N_UNWOUND = 6
TRIMMED, NO_STACK, NOWHERE = 6, 7, 8


def run(*cmd, **env):
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ, **env))
    if p.returncode != 0:
        sys.exit("%s: exit %d\n%s" % (" ".join(cmd), p.returncode, p.stderr.decode(errors="replace")[-2000:]))
    return p.stdout.decode()


def make(directory, **env):
    run(lab, "build", "stacks", "--build", build, "--containers", "full,bitmap-kernel" if arch == "x64" else "full", "-o",
        directory, **env)
    return json.load(open(os.path.join(directory, "truth.json")))


class Code:
    def __init__(self, truth, directory):
        self.base, self.functions, self.rva = {}, {}, {}
        for m in truth["modules"]:
            name = m["name"].split(".")[0]
            path = os.path.join(directory, truth["kernel_image"] if m is truth["modules"][0] else name + ".sys")
            starts = {int(v, 16): k for k, v in m["symbols"].items()}
            key = "nt" if m is truth["modules"][0] else name
            self.base[key] = int(m["base"], 16)
            self.functions[key] = functions(path, starts, int(m["preferred_base"], 16))


def call_in(code, callee_rva, skip=0):
    """RVA behind a call of callee_rva; None: a call through a pointer, or any."""
    for i, (rva, op, args) in enumerate(code):
        if op not in CALLS:
            continue
        is_wanted = args == "0x%x" % callee_rva if callee_rva is not None else True
        if is_wanted:
            if skip == 0:
                return code[i + 1][0] if i + 1 < len(code) else None
            skip -= 1
    return None


def state_at(code, start, rva):
    for r, s, _ in walk(code, arch, start):
        if r == rva:
            return s
    raise KeyError(hex(rva))


class Stack:
    """Calls from the outside in; mem holds all words that they left."""

    def __init__(self, code, base):
        self.code, self.base = code, base
        top = (base - 0x88) & ~0xF
        self.s = State(arch, top + 8 if arch == "x64" else top)
        if arch == "arm64":
            self.s.regs[30] = self.s.regs[29] = 0
        else:
            self.s.mem[self.s.regs[SP[arch]]] = 0
        if arch == "x86":
            self.s.regs[5] = 0  # the first frame of a thread
        self.frames = []

    def enter(self, module, name, callee_rva):
        """In a function, behind its call of callee_rva; the state is the one before anything is pushed for a callee."""
        f = self.code.functions[module][name]
        rva = call_in(f, callee_rva)
        s = state_at(f, self.s, rva)
        self.frames.insert(0, self.code.base[module] + rva)
        self.s = s
        return s

    def call(self):
        """Push the return address of the frame last entered: its callee begins."""
        sp = SP[arch]
        if arch == "arm64":
            self.s.regs[30] = self.frames[0]
            return
        self.s.regs[sp] -= word
        self.s.mem[self.s.regs[sp]] = self.frames[0]


def uses(code, module):
    """Functions LabUseN with calls, and the routine each calls first."""
    out = [n for n in code.functions[module] if re.match(r"LabUse\d+$", n) and call_in(code.functions[module][n], None)]
    return sorted(out, key=lambda n: int(n[6:]))


def in_interrupt(s, code, dpc_base, put):
    """An interrupt came in the frame last entered. x64: its machine frame, then DPCs on the stack of the processor, where a
    driver's function stands behind a call. x86: a trap frame below that of the kernel's function. The state, and the frames
    from the inside out."""
    at, sp = s.s, s.s.regs[SP[arch]]
    frames = list(s.frames)
    f = code.functions["labnet"]
    name = uses(code, "labnet")[0]
    inner = call_in(f[name], None)
    if arch == "x86":
        # KTRAP_FRAME, without what is only pushed on the way from user mode: HardwareEsp, at 74, is where it was.
        frame = sp - 0x74
        for off, v in ((0x54, at.regs[7]), (0x58, at.regs[6]), (0x5C, at.regs[3]), (0x60, at.regs[5]), (0x68, frames[0]),
                       (0x6C, 8), (0x70, 0x246)):
            at.mem[frame + off] = v
        at.regs.update({4: frame - 0x10, 5: frame})
        put(at, at.regs[4], s.base)
        return at, [code.base["nt"] + call_in(code.functions["nt"]["KeWaitForSingleObject"], None)] + frames
    nt = code.functions["nt"]
    interrupt, retire = code.base["nt"] + call_in(nt["KiLabInterrupt"], nt["KiLabRetireDpcs"][0][0]), \
        code.base["nt"] + call_in(nt["KiLabRetireDpcs"], None)
    frame = (sp & ~0xF) - 0x28
    for off, v in ((0, frames[0]), (8, 0x10), (0x10, 0x246), (0x18, sp), (0x20, 0x18)):
        at.mem[frame + off] = v
    at.mem[frame - 8] = at.regs[5]
    sp = frame - 8 - 0x150
    at.mem[sp - 8], at.mem[sp - 0x10] = interrupt, sp + 0x80
    at.regs[5] = sp - 0x10
    top = dpc_base - 0x28
    at.mem[top] = retire
    put(at, sp - 0x38, s.base)
    at.regs[4] = top
    at = state_at(f[name], at, inner)
    put(at, at.regs[4], dpc_base)
    return at, [code.base["labnet"] + inner, retire, interrupt] + frames


def loop_of_records(path, base):
    """Lines of a plan that make all of an exception directory one that names everything twice, and whose records chain to
    themselves."""
    d = open(path, "rb").read()
    pe = struct.unpack_from("<I", d, 0x3C)[0]
    rva, size = struct.unpack_from("<II", d, pe + 24 + 112 + 8 * 3)
    n = size // 12 - 2
    info = rva + 12 * n
    data = struct.pack("<III", 1, 0x7FFFFFFF, info) * n + struct.pack("<IIII", 0x21, 1, 0x7FFFFFFF, info)
    data = data.ljust((len(data) + 7) & ~7, b"\0")[:size & ~7]
    return ["word %x %x" % (base + rva + i, struct.unpack_from("<Q", data, i)[0]) for i in range(0, len(data), 8)]


def chain(code, base, i):
    """DriverEntry -> LabUseN -> (LabAllocate ->) ExAllocatePoolWithTag -> KiLabMix."""
    module = ["labflt", "labnet", "labdisk"][i % 3]
    f = code.functions[module]
    s = Stack(code, base)
    names = uses(code, module)
    name = names[i % len(names)]
    start = {n: c[0][0] for n, c in f.items()}
    s.enter(module, "DriverEntry", start[name])
    s.call()
    direct = start["LabAllocate"]
    if call_in(f[name], direct) is not None:
        s.enter(module, name, direct)
        s.call()
        s.enter(module, "LabAllocate", None)
    else:
        s.enter(module, name, None)
    s.call()
    s.enter("nt", "ExAllocatePoolWithTag", code.functions["nt"]["KiLabMix"][0][0])
    return s, module, name


work = tempfile.mkdtemp(prefix="poolscope-stacks-")
bad = []
try:
    first, second = os.path.join(work, "1"), os.path.join(work, "2")
    os.mkdir(first)
    os.mkdir(second)
    truth = make(first)
    code = Code(truth, first)
    plan, want = [], {}
    stale = code.base["labdisk"] + call_in(code.functions["labdisk"]["DriverEntry"], None)

    block = next(b for b in truth["blocks"] if b["state"] == "allocated" and b["size_bytes"] >= 64)
    pointers = {}

    def point_to_block(thread, s, frames, base):
        """In words that no function used, at both ends of the stack in use, pointers to a block; and one below it."""
        sp = s.regs[SP[arch]]
        free = [va for va in range(sp, base, word) if va not in s.mem]
        returns = {va: v for va, v in s.mem.items() if v in frames}
        for va in (free[0], free[-1]) if free else ():
            at = max((r for r in returns if r <= va), default=None)
            s.mem[va] = int(block["va"], 16) + 8
            # Where no return address lies below it, it is of the function that was running.
            pointers[va] = (int(thread, 16), returns[at] if at is not None else frames[0])
        s.mem[sp - 0x80] = int(block["va"], 16)

    def put(s, low, base):
        """The words of a stack, and between them addresses of calls that are over, where unwinding must not see them."""
        for va in range(low, base, word):
            if va in s.mem:
                plan.append("word %x %x" % (va, s.mem[va]))
            elif arch == "x64":
                plan.append("word %x %x" % (va, stale))

    for i, t in enumerate(truth["threads"]):
        base, limit = int(t["base"], 16), int(t["limit"], 16)
        if i == NO_STACK:
            want[t["thread"]] = ("terminated", "not_saved", [])
            continue
        s, module, name = chain(code, base, i)
        sp, frames = s.s.regs[SP[arch]], list(s.frames)
        if arch == "x64":
            ks = sp - 0x40
            s.s.mem[ks + 0x38], s.s.mem[ks + 0x30] = frames[0], s.s.regs[5]
        elif arch == "arm64":
            # How the switch saves registers is not known: what is on the stack is found by scanning.
            ks, frames = sp - 0x40, frames[1:]
        else:
            # KernelStack: two words, return into the switch, ebp, edi, esi, ebx, return into its caller.
            ks = sp - 0x20
            switch = code.base["nt"] + call_in(code.functions["nt"]["KeWaitForSingleObject"], None)
            for at, v in (8, switch), (0xC, s.s.regs[5]), (0x10, s.s.regs[7]), (0x14, s.s.regs[6]), (0x18, s.s.regs[3]), (0x1C, frames[0]):
                s.s.mem[ks + at] = v
            frames.insert(0, switch)
        if i == NOWHERE:
            # The driver's caller is overwritten: nothing behind it can be known, and what a scan finds is stale.
            for va, v in s.s.mem.items():
                if v == frames[-1]:
                    s.s.mem[va] = 0x1234
        if i in (1, 2, 3):
            point_to_block(t["thread"], s.s, frames, base)
        put(s.s, ks - 0x100, base)
        plan.append("stack %x %x" % (i, ks))
        end = "trimmed" if i == TRIMMED else "end"
        want[t["thread"]] = ("waiting", end, [] if i == TRIMMED else frames)

    # Processors: at the second instruction of a function, at its return, in user mode, behind a call.
    context = {"x64": (0xF8, 0x98, {3: 0x90, 5: 0xA0, 6: 0xA8, 7: 0xB0, 12: 0xD8, 13: 0xE0, 14: 0xE8, 15: 0xF0}),
               "x86": (0xB8, 0xC4, {3: 0xA4, 5: 0xB4, 6: 0xA0, 7: 0x9C}),
               "arm64": (0x108, 0x100, {r: 8 + 8 * r for r in range(19, 31)})}[arch]
    for cpu, t in enumerate(truth["running"]):
        base = int(t["base"], 16)
        s, module = Stack(code, base), "labflt"
        f = code.functions[module]
        names = uses(code, module)
        name = names[cpu % len(names)]
        s.enter(module, "DriverEntry", f[name][0][0])
        s.call()
        states = list(walk(f[name], arch, s.s))
        if cpu == 0:
            rva, st, _ = states[1]
        elif cpu == 1:
            rva, st = next((r, x) for r, x, _ in states if dict((c[0], c[1]) for c in f[name])[r] == "ret")
        else:
            rva, st, _ = next(x for x in states if x[2])
        pc, frames = code.base[module] + rva, [code.base[module] + rva] + s.frames
        if cpu == 3 and arch != "arm64":
            s.s, s.frames = st, frames
            st, frames = in_interrupt(s, code, int(t["dpc_base"], 16), put)
            pc = frames[0]
        if cpu == 2:
            pc, frames = 0x401000, []
        if cpu != 3 or arch == "arm64":
            put(st, st.regs[SP[arch]], base)
        plan.append("register %x %x %x" % (cpu, context[0], pc))
        plan.append("register %x %x %x" % (cpu, context[1], st.regs[SP[arch]]))
        for r, at in context[2].items():
            plan.append("register %x %x %x" % (cpu, at, st.regs.get(r, 0)))
        want[t["thread"]] = ("running", "user" if cpu == 2 else "end", frames)

    path = os.path.join(work, "plan")
    with open(path, "w") as f:
        f.write("\n".join(plan) + "\n")
    again = make(second, LAB_STACKS=path)
    if again["modules"] != truth["modules"] or again["threads"] != truth["threads"]:
        sys.exit("the two builds differ")
    isf = [os.path.join(second, again["isf"])]
    n_frames = n_unwound = 0
    damaged = None
    if arch == "x64":
        # The same machine with an exception directory that leads nowhere: what labnet's frames hang on is lost, no more.
        third = os.path.join(work, "3")
        os.mkdir(third)
        with open(path, "a") as f:
            f.write("\n".join(loop_of_records(os.path.join(first, "labnet.sys"), code.base["labnet"])) + "\n")
        damaged = make(third, LAB_STACKS=path)
    for container in again["containers"]:
        dump = os.path.join(second, again["containers"][container]["file"])
        doc = json.loads(run(exe, "stacks", "-q", "--format", "json", "--isf", isf[0], dump))
        rows = {int(r["thread"], 16): r for r in doc["rows"]}
        refs = json.loads(run(exe, "block", "-q", "--refs", "--format", "json", "--isf", isf[0], block["va"], dump))
        refs = refs["block"]["references"]
        on_stack = {int(r["at"], 16): r for r in refs["first"] if r["in"] == "stack"}
        if set(on_stack) != set(pointers) or not pointers:
            bad.append("%s: references on stacks at %s, not %s" % (container, sorted(map(hex, on_stack)), sorted(map(hex, pointers))))
        for va, (thread, pc) in pointers.items():
            r = on_stack.get(va)
            module, base = max(((m, b) for m, b in code.base.items() if b <= pc), key=lambda x: x[1])
            if r is not None and (int(r["owner_va"], 16) != thread or
                                  r["owner"] not in ("%s+0x%x" % (module, pc - base), None if arch == "arm64" else "")):
                bad.append("%s: reference at %x: %s, not %s+%x of thread %x" % (container, va, r, module, pc - base, thread))
        if len(doc["rows"]) != len(want) or len(rows) != len(want):
            bad.append("%s: %d threads, not %d" % (container, len(doc["rows"]), len(want)))
        for i, (va, (state, end, frames)) in enumerate(want.items()):
            r = rows.get(int(va, 16))
            if r is None:
                bad.append("%s: thread %s is missing" % (container, va))
                continue
            got = [int(f["address"], 16) for f in r["frames"]]
            hows = [f["how"] for f in r["frames"]]
            where = "%s: thread %d (%s)" % (container, i, va)
            if r["state"] != state:
                bad.append("%s: %s, not %s" % (where, r["state"], state))
            if i == NOWHERE:
                certain = [a for a, f in zip(got, r["frames"]) if not f["uncertain"]]
                if not set(certain) <= set(frames[:-1]) or len(certain) < (0 if arch == "arm64" else 2):
                    bad.append("%s: %s, certain %s" % (where, list(map(hex, frames)), list(map(hex, certain))))
                continue
            if got != frames:
                bad.append("%s: frames %s, not %s" % (where, list(map(hex, got)), list(map(hex, frames))))
            if r["end"] != end and not (arch != "x64" and frames):
                bad.append("%s: ends %s, not %s" % (where, r["end"], end))
            if i == len(truth["threads"]) + 3 and arch != "arm64" and hows.count("trap") != 1:
                bad.append("%s: no trap frame: %s" % (where, hows))
            if arch == "x64" and frames and (hows[0] != "context" or set(hows[1:]) - {"unwind", "trap"} or
                                             any(f["uncertain"] for f in r["frames"])):
                bad.append("%s: found by %s" % (where, hows))
            if i < len(truth["threads"]) and (r["tid"] != int(truth["threads"][i]["tid"], 16) or
                                              r["process"]["pid"] != int(truth["threads"][i]["pid"], 16)):
                bad.append("%s: tid %s of process %s" % (where, r["tid"], r["process"]))
            n_frames += len(got)
            n_unwound += sum(h in ("unwind", "frame", "context") for h in hows)
    # Without symbols: what is not known of threads is said, and no frame is one that is not there.
    dump = os.path.join(second, again["containers"]["full"]["file"])
    doc = json.loads(run(exe, "stacks", "-q", "--no-scan", "--format", "json", dump))
    for r in doc["rows"]:
        have = [int(f["address"], 16) for f in r["frames"] if not f["uncertain"]]
        frames = want.get(r["thread"], (0, 0, []))[2]
        if have and arch == "x64" and have != (frames[:-1] if r["thread"] == list(want)[NOWHERE] else frames):
            bad.append("without symbols: thread %s has %s, not %s" % (r["thread"], list(map(hex, have)), list(map(hex, frames))))
    if damaged is not None:
        dump = os.path.join(third, damaged["containers"]["full"]["file"])
        doc = json.loads(run(exe, "stacks", "-q", "--format", "json", "--isf", os.path.join(third, damaged["isf"]), dump))
        net = range(code.base["labnet"], code.base["labnet"] + 0x10000)
        n_cut = 0
        for r, (va, (_, end, frames)) in zip(sorted(doc["rows"], key=lambda r: list(want).index(r["thread"])), want.items()):
            certain = [int(f["address"], 16) for f in r["frames"] if not f["uncertain"]]
            cut = next((i + 1 for i, a in enumerate(frames) if a in net), len(frames))
            n_cut += cut < len(frames)
            if list(want).index(va) != NOWHERE and certain != frames[:cut]:
                bad.append("damaged: thread %s: certain %s, not %s" % (va, list(map(hex, certain)), list(map(hex, frames[:cut]))))
        if n_cut < 3 or len(doc["rows"]) != len(want):
            bad.append("damaged: %d stacks cut, %d threads" % (n_cut, len(doc["rows"])))
finally:
    if os.environ.get("KEEP"):
        print(work)
    else:
        shutil.rmtree(work, ignore_errors=True)
print("%d frames of %d threads, %d unwound, %d differences" % (n_frames, len(want), n_unwound, len(bad)))
for b in bad[:20]:
    print(b)
sys.exit(1 if bad or n_frames < 24 else 0)
