#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""unwind.py UNWINDPE [quick]: compile functions with frames of many forms for x64 and ARM64, carry out their instructions as
llvm-objdump lists them, and hold what unwinding finds at each of them against the stack that was so made. The unwind data
themselves are not read here: the code says where everything is."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from simulate import SAVED, SP, State, functions, magic, run, walk  # noqa: E402

tool, quick = os.path.abspath(sys.argv[1]), "quick" in sys.argv[2:]
here = os.path.dirname(os.path.abspath(__file__))
for name in "clang", "lld-link", "llvm-objdump":
    if shutil.which(name) is None:
        print("skipped: %s is not installed" % name)
        sys.exit(77)

BASE, STACK = 0xFFFFF80012340000, 0xFFFFD00000200000
RETURN = BASE + 0x7770
PREFERRED = 0x140000000

def check(path, arch):
    queries, wants = [], []
    starts = {}
    for line in open(path[:-4] + ".map"):
        m = re.match(r" 0001:[0-9a-f]{8}\s+(\w+)\s+([0-9a-f]{16})", line)
        if m:
            starts[int(m[2], 16) - PREFERRED] = m[1]
    for name, code in functions(path, starts, PREFERRED).items():
        entry_sp = STACK + (0x18008 if arch == "x64" else 0x18000)
        start = State(arch, entry_sp)
        if arch == "x64":
            start.mem[entry_sp] = RETURN
        else:
            start.regs[30] = RETURN
        try:
            states = list(walk(code, arch, start))
        except ValueError as e:
            sys.exit("%s: %s: %s" % (path, name, e))
        for rva, s, after_call in states:
            for is_return in ([1, 0] if after_call else [0]):
                # What packed words say of the inside of a prologue is not taken apart: there only returns are asked for.
                if arch == "arm64" and not is_return:
                    continue
                known = SAVED[arch] + [SP[arch]] + ([30] if arch == "arm64" and not is_return else [])
                regs = " ".join("r%x=%x" % (r, s.regs[r]) for r in known if r in s.regs)
                mem = " ".join("%x=%x" % (a, v) for a, v in s.mem.items() if STACK <= a < STACK + 0x20000)
                queries.append("%x %d %s %s" % (rva, is_return, regs, mem))
                want = {r: magic(arch, r) for r in SAVED[arch]}
                want[SP[arch]] = entry_sp + (8 if arch == "x64" else 0)
                wants.append((name, rva, is_return, want, code[0][0]))
    bad = 0
    answers = run(tool, path, input="\n".join(queries) + "\n").strip().split("\n")
    if len(answers) != len(wants):
        sys.exit("%s: %d answers to %d questions" % (path, len(answers), len(wants)))
    for line, (name, rva, is_return, want, begin), query in zip(answers, wants, queries):
        f = line.split()
        got = dict((int(x.split("=")[0], 16), int(x.split("=")[1], 16)) for x in f[3:])
        problem = None
        if f[0] != "0" or int(f[1], 16) != RETURN:
            problem = "result %s, pc %s" % (f[0], f[1])
        elif got.get(SP[arch]) != want[SP[arch]]:
            problem = "stack pointer %x, not %x" % (got.get(SP[arch], 0), want[SP[arch]])
        elif int(f[2], 16) not in (0, begin):
            problem = "function %s, not %x" % (f[2], begin)
        else:
            for r, v in want.items():
                if got.get(r) != v:
                    problem = "register %d: %s, not %x" % (r, "%x" % got[r] if r in got else "not known", v)
        if problem:
            bad += 1
            if bad <= 5:
                print("%s: %s+%x%s: %s" % (os.path.basename(path), name, rva - begin, " after a call" if is_return else "", problem))
    return len(wants), bad


work = tempfile.mkdtemp(prefix="poolscope-unwind-")
n = n_bad = 0
try:
    for arch, triple in ("x64", "x86_64"), ("arm64", "aarch64"):
        for opt in ["-O0", "-O2"] if quick else ["-O0", "-O1", "-O2", "-Os"]:
            for extra in ([], ["-fno-omit-frame-pointer"]):
                base = os.path.join(work, arch + opt + (extra and "-fp" or ""))
                run("clang", "--target=%s-pc-windows-msvc" % triple, opt, *extra, "-funwind-tables", "-ffreestanding",
                    "-fno-stack-protector", "-mno-stack-arg-probe", "-w", "-c", os.path.join(here, "code.c"), "-o", base + ".obj")
                run("lld-link", "/nologo", "/driver", "/subsystem:native", "/nodefaultlib", "/entry:entry", "/opt:noref",
                    "/opt:noicf", "/map:" + base + ".map", "/out:" + base + ".sys", base + ".obj")
                a, b = check(base + ".sys", arch)
                n, n_bad = n + a, n_bad + b
finally:
    if os.environ.get("KEEP"):
        print(work)
    else:
        shutil.rmtree(work, ignore_errors=True)
print("%d places in code, %d differences" % (n, n_bad))
sys.exit(1 if n_bad or n < (1800 if quick else 5000) else 0)
