#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""missing.py LAB POOLSCOPE BUILD (x64): a page of a driver's code that memory does not hold. It is coverage of that module, the
sites in it are not there, all others are as they were, and none is invented."""

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

lab, exe, build = sys.argv[1:4]


def run(*cmd):
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode != 0:
        sys.exit("%s: exit %d\n%s" % (" ".join(cmd), p.returncode, p.stderr.decode(errors="replace")[-2000:]))
    return p.stdout


def code_page(path, rva):
    """The page of a driver file at an RVA, as the loader lays it out."""
    d = open(path, "rb").read()
    pe = struct.unpack_from("<I", d, 0x3c)[0]
    n, opt = struct.unpack_from("<H", d, pe + 6)[0], struct.unpack_from("<H", d, pe + 20)[0]
    for i in range(n):
        size, start, raw, off = struct.unpack_from("<IIII", d, pe + 24 + opt + 40 * i + 8)
        if start <= rva < start + size:
            return d[off + rva - start:off + min(raw, size, rva - start + 4096)].ljust(4096, b"\0")[:4096]
    sys.exit("no section at %#x" % rva)


def sites(isf, path):
    return json.loads(run(exe, "sites", "-q", "--format", "json", "--isf", isf, path))


work = tempfile.mkdtemp(prefix="poolscope-missing-")
try:
    run(lab, "build", "healthy", "--build", build, "--containers", "full", "-o", work)
    truth = json.load(open(os.path.join(work, "truth.json")))
    isf = os.path.join(work, truth["isf"])
    full = os.path.join(work, truth["containers"]["full"]["file"])
    before = sites(isf, full)
    # The page with most sites.
    pages = {}
    for r in before["rows"]:
        key = (r["module"], int(r["call_rva"], 16) & ~0xfff)
        pages[key] = pages.get(key, 0) + 1
    (module, rva), n_lost = max(pages.items(), key=lambda p: (p[1], p[0]))
    want = code_page(os.path.join(work, module), rva)
    d = open(full, "rb").read()
    n_runs = struct.unpack_from("<I", d, 0x88)[0]
    at, lost = 0x2000, None
    lime = os.path.join(work, "machine.lime")
    with open(lime, "wb") as f:
        for i in range(n_runs):
            base, count = struct.unpack_from("<QQ", d, 0x98 + 16 * i)
            start = base
            for page in range(base, base + count + 1):
                here = at + (page - base) * 4096
                is_lost = page < base + count and d[here:here + 4096] == want
                if is_lost and lost is None:
                    lost = page
                if (is_lost or page == base + count) and page > start:
                    f.write(struct.pack("<IIQQQ", 0x4c694d45, 1, start * 4096, page * 4096 - 1, 0))
                    f.write(d[at + (start - base) * 4096:here])
                if is_lost:
                    start = page + 1
            at += count * 4096
    if lost is None:
        sys.exit("the page of %s at %#x was not found in the dump" % (module, rva))
    after = sites(isf, lime)
finally:
    shutil.rmtree(work, ignore_errors=True)
bad = []


def key(r):
    return json.dumps([r[k] for k in ("module", "call_rva", "api", "tag", "pool", "size")], sort_keys=True)


lost_rows = [r for r in before["rows"] if r["module"] == module and int(r["call_rva"], 16) & ~0xfff == rva]
kept = sorted(key(r) for r in before["rows"] if r not in lost_rows and r["module"] != module)
have = sorted(key(r) for r in after["rows"] if r["module"] != module)
if kept != have:
    bad.append("sites of other modules changed: %s" % sorted(set(kept) ^ set(have)))
known = {key(r) for r in before["rows"]}
for r in after["rows"]:
    if r in lost_rows or (r["module"] == module and int(r["call_rva"], 16) & ~0xfff == rva):
        bad.append("a site in code that is not there: %s" % r)
    elif r["module"] == module and (r["call_rva"] not in {b["call_rva"] for b in before["rows"] if b["module"] == module}):
        bad.append("a site that was not there before: %s" % r)
m = next(m for m in after["modules"] if m["name"] == module)
n_bytes = min(4096, m["code_bytes"])
if m["missing_code_bytes"] != n_bytes or not after["coverage"]["ratio"] < 1 or \
        after["coverage"]["missing_code_bytes"] != n_bytes:
    bad.append("coverage: %s %s" % (m, after["coverage"]))
print("%s: page %#x with %d of %d sites taken out, %d differences" % (module, rva, n_lost, len(before["rows"]), len(bad)))
for b in bad[:10]:
    print(str(b)[:1000])
sys.exit(1 if bad or n_lost == 0 else 0)
