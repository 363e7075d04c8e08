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
        if int(r["return_address"], 16) != base + int(r["return_rva"], 16):
            sys.exit("return address of %s" % r)
finally:
    shutil.rmtree(work, ignore_errors=True)
if len(want) < 20 or doc["coverage"]["ratio"] != 1:
    sys.exit("%d sites planted, coverage %s" % (len(want), doc["coverage"]))
print("%d sites planted, %d found" % (sum(want.values()), sum(have.values())))
for k in (want - have) + (have - want):
    print("missing" if want[k] > have[k] else "false", k)
sys.exit(0 if want == have else 1)
