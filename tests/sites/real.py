#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""real.py POOLSCOPE [FILE...]: call sites of real drivers against an objdump listing of them. Without files: the drivers and
the kernel of Debian's libwine. From the listing: each call and jump of a routine of the table, by its import slot, a thunk
of one, a register loaded from one, or (kernel) its own address. Each must be a site, each site must be such a place or a
call of the wrapper that it names; a size that the listing moves into the argument's register right before is the site's."""

import glob
import json
import os
import re
import shutil
import struct
import subprocess
import sys

exe, files = sys.argv[1], sys.argv[2:]
wine = "/usr/lib/x86_64-linux-gnu/wine/x86_64-windows"
files = files or sorted(glob.glob(wine + "/*.sys")) + glob.glob(wine + "/ntoskrnl.exe")
if not files or shutil.which("objdump") is None:
    print("skipped: libwine or objdump is not installed")
    sys.exit(77)
here = os.path.dirname(os.path.abspath(__file__))
table = [line.split("\t") for line in open(os.path.join(here, "..", "..", "data", "pool_apis.tsv")) if line[:1] != "#"][1:]
routines = {r[0]: r for r in table if not r[1].startswith("wdf:")}
WDF = {int(r[1][4:]): r[0] for r in table if r[1].startswith("wdf:")}
SIZE_IN = {1: "edx", 2: "r8d"}  # x64: registers of arguments


class Image:
    def __init__(self, path):
        self.data = d = open(path, "rb").read()
        pe = struct.unpack_from("<I", d, 0x3C)[0]
        n, opt = struct.unpack_from("<HxxxxxxxxxxxxH", d, pe + 6)
        self.is_64 = struct.unpack_from("<H", d, pe + 24)[0] == 0x20B
        self.word = 8 if self.is_64 else 4
        self.base = struct.unpack_from("<Q" if self.is_64 else "<I", d, pe + 24 + (24 if self.is_64 else 28))[0]
        dirs = pe + 24 + (112 if self.is_64 else 96)
        self.exports_at, self.imports_at = (struct.unpack_from("<I", d, dirs + 8 * i)[0] for i in (0, 1))
        self.sections = [struct.unpack_from("<8xIIII", d, pe + 24 + opt + 40 * i) for i in range(n)]

    def at(self, rva):
        for size, start, raw, off in self.sections:
            if start <= rva < start + min(size, raw):
                return off + rva - start
        return None

    def number(self, rva, n=4):
        at = self.at(rva)
        return 0 if at is None else int.from_bytes(self.data[at:at + n], "little")

    def text(self, rva):
        at = self.at(rva)
        return "" if at is None else self.data[at:self.data.index(b"\0", at)].decode("latin1")

    def imports(self):
        """{address of the slot: name}"""
        out, d = {}, self.imports_at
        while d and self.number(d + 16):
            names, slots = self.number(d) or self.number(d + 16), self.number(d + 16)
            i = 0
            while v := self.number(names + i * self.word, self.word):
                if not v >> 8 * self.word - 1:
                    out[self.base + slots + i * self.word] = self.text(v + 2)
                i += 1
            d += 20
        return out

    def exports(self):
        """{address: name}"""
        e, out = self.exports_at, {}
        for i in range(self.number(e + 0x18) if e else 0):
            name, ordinal = self.text(self.number(self.number(e + 0x20) + 4 * i)), self.number(self.number(e + 0x24) + 2 * i, 2)
            out[self.base + self.number(self.number(e + 0x1C) + 4 * ordinal)] = name
        return out

    def wdf(self):
        """Slots of the table of a driver of version 1.9 or before."""
        at = self.data.find("KmdfLibrary\0".encode("utf-16-le"))
        for size, start, raw, off in self.sections if at >= 0 else []:
            if off <= at < off + raw:
                pointer = (self.base + start + at - off).to_bytes(self.word, "little")
                at = self.data.find(pointer, 0) + self.word
                if int.from_bytes(self.data[at + 4:at + 8], "little") > 9:
                    return {}
                first = int.from_bytes(self.data[at + 16:at + 16 + self.word], "little")
                return {first + i * self.word: name for i, name in WDF.items()}
        return {}


def listing(path):
    out = []
    command = ["objdump", "-d", "--no-show-raw-insn", "-M", "att", path]
    for line in subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
                               text=True).stdout.splitlines():
        m = re.match(r"^\s*([0-9a-f]+):\s+(?:(?:bnd|notrack|rex\.W|data16|cs) )*(\S+)\s*(.*)$", line)
        if m:
            out.append((int(m[1], 16), m[2], m[3]))
    return out


def slot_of(operands):
    m = re.search(r"# (?:0x)?([0-9a-f]+)", operands) if "(%rip)" in operands else re.search(r"^\*?(?:%ds:)?0x([0-9a-f]+)", operands)
    return int(m[1], 16) if m else None


def places(img, lines):
    """{RVA of a call: routine}, and the calls of other addresses {RVA: target}."""
    slots = {a: n for a, n in {**img.imports(), **img.wdf()}.items() if n in routines or n in WDF.values()}
    own = {a: n for a, n in img.exports().items() if n in routines}
    targets = dict(own)
    for at, op, arg in lines:  # thunks
        if op.startswith("jmp") and slot_of(arg) in slots:
            targets[at] = slots[slot_of(arg)]
    thunks = set(targets) - set(own)
    out, others, held = {}, {}, {}
    for at, op, arg in lines:
        rva = at - img.base
        if op.startswith("ret"):
            held = {}
        is_transfer = op.startswith(("call", "jmp"))
        m = re.match(r"^(?:0x)?([0-9a-f]+)(?: <|$)", arg) if is_transfer else None
        if m and int(m[1], 16) in targets:
            out[rva] = targets[int(m[1], 16)]
        elif m:
            others[rva] = int(m[1], 16) - img.base
        elif is_transfer and slot_of(arg) in slots and at not in thunks:
            out[rva] = slots[slot_of(arg)]
        elif is_transfer and arg.lstrip("*") in held:
            out[rva] = held[arg.lstrip("*")]
        else:
            to = re.search(r"(%\w+)$", arg.split("#")[0].strip())
            if to and op.startswith(("mov", "lea", "xor", "pop")):
                held.pop(to[1], None)
                if op.startswith("mov") and slot_of(arg) in slots:
                    held[to[1]] = slots[slot_of(arg)]
    return out, others


def sizes(lines, base):
    """{RVA of a call: {register: number}} of what straight code right before moves into registers."""
    out, known = {}, {}
    jumped = {int(m[1], 16) for _, op, a in lines if op.startswith("j") and (m := re.match(r"^(?:0x)?([0-9a-f]+)", a))}
    for at, op, arg in lines:
        if at in jumped:
            known = {}
        if op.startswith(("call", "jmp")):
            out[at - base] = dict(known)
        if op.startswith(("call", "j", "ret")):
            known = {}
        m = re.match(r"^\$0x([0-9a-f]+),%(\w+)$", arg)
        if m and op == "mov":
            known[m[2]] = int(m[1], 16)
        else:
            to = re.search(r"%(\w+)$", arg.split("#")[0].strip())
            for r in list(known):
                if to and to[1].strip("rde")[:2] == r.strip("rde")[:2]:
                    del known[r]
    return out


bad, n_sites, n_sizes = [], 0, 0
for path in files:
    img, lines, name = Image(path), listing(path), os.path.basename(path)
    want, others = places(img, lines)
    moved = sizes(lines, img.base)
    rows = json.loads(subprocess.run([exe, "sites", "--pe", "-q", "--no-symbols", "--format", "json", path],
                                     stdout=subprocess.PIPE, check=True).stdout)["rows"]
    seen = set()
    for r in rows:
        rva = int(r["call_rva"], 16)
        if r["chain"]:
            if others.get(rva) != int(r["chain"][0]["function_rva"], 16):
                bad.append("%s: %#x calls no wrapper at %s" % (name, rva, r["chain"][0]["function_rva"]))
            continue
        seen.add(rva)
        if want.get(rva) != r["api"]:
            bad.append("%s: %#x is %s, the listing says %s" % (name, rva, r["api"], want.get(rva)))
        size = routines.get(r["api"], [""] * 7)[6]
        number = moved.get(rva, {}).get(SIZE_IN.get(int(size) if size.isdigit() and img.is_64 else -1))
        if number is not None:
            n_sizes += 1
            if r["size"]["values"] != [number]:
                bad.append("%s: %#x has size %s, the listing moves %#x" % (name, rva, r["size"], number))
    for rva in sorted(set(want) - seen):
        # The one difference that is no miss: WdfDriverCreate without a tag of its own makes one from the driver's name.
        if want[rva] != "WdfDriverCreate":
            bad.append("%s: %#x calls %s: no site" % (name, rva, want[rva]))
    n_sites += len(seen)
print("%d sites of %d files are those of the listing, %d sizes too; %d differences" % (n_sites, len(files), n_sizes, len(bad)))
for b in bad[:30]:
    print(b)
sys.exit(1 if bad or (len(sys.argv) == 2 and n_sites < 10) else 0)
