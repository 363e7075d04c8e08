#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""dump.py LAB POOLSCOPE BUILD: the call sites of a whole machine. What the drivers allocate is read from the C source that
the lab compiled; each place is found in the dump once, with its tag, size and function, and nothing else is."""

import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

lab, exe, build = sys.argv[1:4]
os.environ["LAB_KEEP_SOURCES"] = "1"


def run(*cmd):
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode != 0:
        sys.exit("%s: exit %d\n%s" % (" ".join(cmd), p.returncode, p.stderr.decode(errors="replace")[-2000:]))
    return p.stdout


def expected(work):
    """{(driver, function, routine, tag bytes, size, pool argument, through)}"""
    out = collections.Counter()
    for name in "labflt", "labnet", "labdisk":
        function = None
        for line in open(os.path.join(work, name + ".c")):
            m = re.search(r"\bint (LabUse\d+)\(", line)
            if m:
                function = m[1]
            m = re.search(r"p = (\w+)\((?:(\w+), )?(\d+), 0x([0-9a-f]{8})\);", line)
            if not m or function is None:
                continue
            routine, pool, size, tag = m[1], m[2], int(m[3]), int(m[4], 16) & 0x7FFFFFFF
            through = ()
            if routine == "LabAllocate":
                routine, pool, through = "ExAllocatePoolWithTag", "1", ("LabAllocate",)
            out[(name + ".sys", function, routine, tag.to_bytes(4, "little").hex(), size, int(pool, 0), through)] += 1
        out[(name + ".sys", "LabAllocate", "ExAllocatePoolWithTag", None, None, 1, ())] += 1
    # The kernel's own: tests/lab/image_source.c.
    nt, routine = "ntoskrnl.exe", "ExAllocatePoolWithTag"
    out[(nt, "KiLabOwn1", routine, b"LbK1".hex(), 0x58, 1, ())] += 1
    out[(nt, "KiLabAllocate", routine, None, None, 0x200, ())] += 1
    out[(nt, "KiLabOwn2", routine, b"LbK2".hex(), 0x68, 0x200, ("KiLabAllocate",))] += 1
    out[(nt, "KiLabOwn3", "ExAllocatePool2", b"LbK3".hex(), 0x78, 0x40, ())] += 1
    return out


work = tempfile.mkdtemp(prefix="poolscope-sites-")
try:
    run(lab, "build", "healthy", "--build", build, "--containers", "full", "-o", work)
    truth = json.load(open(os.path.join(work, "truth.json")))
    dump = os.path.join(work, truth["containers"]["full"]["file"])
    doc = json.loads(run(exe, "sites", "-q", "--format", "json", "--symbols", work, dump))
    want = expected(work)
    have = collections.Counter()
    for r in doc["rows"]:
        tag = r["tag"]["hex"][0] if r["tag"]["kind"] == "constant" else None
        size = r["size"]["values"][0] if r["size"]["kind"] == "constant" else None
        through = tuple(c["function"] for c in r["chain"])
        have[(r["module"], r["function"], r["api"], tag, size, int(r["pool"]["values"][0], 16), through)] += 1
        base = next(int(m["base"], 16) for m in doc["modules"] if m["name"] == r["module"])
        if r["tail_call"]:
            continue
        if int(r["return_address"], 16) != base + int(r["return_rva"], 16):
            sys.exit("return address of %s" % r)
    owner = json.loads(run(exe, "owner", "LbK2", "-q", "--format", "json", "--symbols", work, dump))
finally:
    shutil.rmtree(work, ignore_errors=True)
if len(want) < 20 or doc["coverage"]["ratio"] != 1:
    sys.exit("%d sites planted, coverage %s" % (len(want), doc["coverage"]))
first = owner["rows"][0] if owner["rows"] else {"source": None, "caller": {"module": None, "symbol": None}}
if (first["source"], first["caller"]["module"], first["caller"]["symbol"]) != ("call_site", "ntoskrnl.exe", "KiLabOwn2"):
    sys.exit("owner of the kernel's tag: %s" % first)
print("%d sites planted, %d found" % (sum(want.values()), sum(have.values())))
for k in (want - have) + (have - want):
    print("missing" if want[k] > have[k] else "false", k)
sys.exit(0 if want == have else 1)
