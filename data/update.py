#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Regenerate fields.tsv, kernels.tsv and builds.tsv from a directory with the reference data. For maintainers.

    data/update.py REFERENCE_DIR

REFERENCE_DIR holds reference/layouts.tsv, reference/kernel.md and reference/pool_symbols_rva.tsv (layouts and symbol
addresses of kernels by PDB GUID and age), data/isf/GUID-AGE.json.xz (Volatility 3 symbol tables) and data/builds/kphdyn.xml (System
Informer's list of kernel builds). Only what src/symbols/names.h lists is taken. Every symbol table present is compared
with the result, and a difference is an error. Review `git diff data/` afterwards."""

import glob
import json
import lzma
import os
import re
import sys

import generate
import kernel_tables
from generate import DataError, key, parse_build

HERE = os.path.dirname(os.path.abspath(__file__))

# What layouts.tsv lacks. Offsets and sizes in hex. "?": not known, "-": the field does not exist there; both keep a
# field from being given for a build of which only some revisions are known.
PTE = "reference paging.md 4"
PTE_V = "reference paging.md 4, symbol tables of 7601.24540 to 22000.2538"
# Where the revisions come from up to which a build is taken to be as first shipped.
END_UNSOURCED = "; end of the range: revision of the release, commonly known but not in the reference data"
END_LISTED = "; end of the range: lowest x64 revision in kphdyn.xml"
END_NAMED = "; end of the range: name of the type dump win10_*_10240_17770"
MASK = "reference paging.md 4, symbol tables of 14393.4583 to 22000.2538"


def software_pte_rows():
    """The bits of _MMPTE_SOFTWARE moved with the L1TF fix, which was also given to older builds: between the last
    revision known to be old and the first known to be new nothing is said."""
    rtm = [("6.0.6002", "6.0.6002.18005"), ("6.1.7600", "6.1.7600"), ("6.1.7601", "6.1.7601.17514"),
           ("6.2.9200", "6.2.9200.16384"), ("6.3.9600", "6.3.9600.16384"), ("10.0.10240", "10.0.10240.17770"),
           ("10.0.10586", "10.0.10586.0"), ("10.0.14393", "10.0.14393.0"), ("10.0.15063", "10.0.15063.0"),
           ("10.0.16299", "10.0.16299.15"), ("10.0.17134", "10.0.17134.1")]
    old_64 = [("5.2.3790 SP1", "6.0.6001")] + rtm
    unknown_64 = [("6.0.6002.18006", "6.0.6002.65535"), ("6.1.7601.17515", "6.1.7601.24539"),
                  ("6.2.9200.16385", "6.2.9200.65535"), ("6.3.9600.16385", "6.3.9600.19912"),
                  ("10.0.10240.17771", "10.0.10240.65535"), ("10.0.10586.1", "10.0.10586.65535"),
                  ("10.0.14393.1", "10.0.14393.4582"), ("10.0.15063.1", "10.0.15063.65535"),
                  ("10.0.16299.16", "10.0.16299.65535"), ("10.0.17134.2", "10.0.17134.65535")]
    new_64 = [("6.1.7601.24540", "6.1.7601.24540"), ("6.3.9600.19913", "6.3.9600.65535"),
              ("10.0.14393.4583", "10.0.14393.65535"), ("10.0.17763", "10.0.22000.2538")]
    old_pae = [("5.1.2600 SP2", "6.0.6001")] + rtm
    unknown_pae = [("6.1.7601.17515", "6.1.7601.65535") if f.startswith("6.1") else
                   ("6.3.9600.16385", "6.3.9600.65535") if f.startswith("6.3") else
                   ("10.0.14393.1", "10.0.14393.65535") if "14393" in f else (f, t) for f, t in unknown_64]
    new_pae = [("10.0.17763", "10.0.19041")]
    old_32 = [("5.1.2600 SP2", "6.0.6001")] + rtm[:3]
    unknown_32 = [("6.0.6002.18006", "6.0.6002.65535"), ("6.1.7601.17515", "6.1.7601.65535")]
    sets = [("x64", "8", old_64, unknown_64, new_64, "32", "32", PTE_V),
            ("x86pae", "8", old_pae, unknown_pae, new_pae, "32", "32", PTE + ".1"),
            ("x86nopae", "4", old_32, unknown_32, [], "12", "20", PTE + ".1")]
    for arch, size, old, unknown, new, high, high_len, new_source in sets:
        for ranges, low, swizzle, source in ((old, "1", None, PTE), (new, "12", "4", new_source)):
            for f, t in ranges:
                said = source if swizzle else source + old_pte_source(t)
                yield row("_MMPTE_SOFTWARE", "PageFileHigh", arch, f, t, "0", size, size, said, high, high_len)
                yield row("_MMPTE_SOFTWARE", "PageFileLow", arch, f, t, "0", size, size, said, low, "4")
                yield (row("_MMPTE_SOFTWARE", "SwizzleBit", arch, f, t, "0", size, size, said, swizzle, "1")
                       if swizzle else row("_MMPTE_SOFTWARE", "SwizzleBit", arch, f, t, "-", "", "", said))
        for f, t in unknown:
            for field in ("PageFileHigh", "PageFileLow", "SwizzleBit"):
                yield row("_MMPTE_SOFTWARE", field, arch, f, t, "?", "", "", PTE)


def old_pte_source(last):
    """Nobody shall take a number for sourced that is not."""
    if last == "10.0.10240.17770":
        return END_NAMED
    if last.count(".") < 3:
        return ""
    return END_LISTED if last.startswith("10.") else END_UNSOURCED


def other_rows():
    for f, t, offset, struct_size in (("10.0.14393.4583", "10.0.14393.6343", "60", "110"),
                                      ("10.0.17763.379", "10.0.17763.5933", "80", "180"),
                                      ("10.0.18362", "10.0.18362.836", "c0", "1c0"),
                                      ("10.0.19041", "10.0.19041.3570", "c0", "1c0"),
                                      ("10.0.20348.288", "10.0.22000.2538", "c0", "11c0")):
        yield row("_MI_HARDWARE_STATE", "InvalidPteMask", "x64", f, t, offset, "8", struct_size, MASK)
    yield row("_MI_HARDWARE_STATE", "InvalidPteMask", "x64", "10.0.14393", "10.0.14393", "-", "", "", MASK)
    for f, t, moved, size in (("6.1.7600", "6.1.7601.24540", 0, "d0"), ("6.3.9600", "10.0.22000.2538", 8, "d8")):
        for field, offset, bytes_ in (("HighWaterNumberOfObjects", 0x34, "4"), ("Index", 0x28, "1"),
                                      ("Key", 0xb8 + moved, "4"), ("Name", 0x10, "10"),
                                      ("TotalNumberOfHandles", 0x30, "4"), ("TotalNumberOfObjects", 0x2c, "4")):
            yield row("_OBJECT_TYPE", field, "x64", f, t, "%x" % offset, bytes_, size,
                      "symbol tables of 7601.24540 to 22000.2538")
    yield row("_EPROCESS", "ImageFileName", "arm64", "10.0.22000", "10.0.22000", "560", "f", "",
              "reference kernel.md 9, ARM64: seen in one dump")


def row(struct, field, arch, first, last, offset, size, struct_size, source, bitpos="", bitlen=""):
    def hexed(s):
        return "0x" + s if s and s not in "?-" else s
    return [struct, field, arch, first, last, hexed(offset), hexed(size), bitpos, bitlen, hexed(struct_size), source]


def layout_rows(path, names):
    """The rows of layouts.tsv for the listed fields. A field "" is the size of its structure."""
    with open(path, encoding="utf-8") as f:
        head = f.readline().rstrip("\n").split("\t")
        rows = [dict(zip(head, line.rstrip("\n").split("\t"))) for line in f]
    sizes = set()
    for r in rows:
        if not r["struct"].startswith("_") or not generate.BUILD.match(r["build_from"]):
            continue
        name, struct_size = r["struct"][1:], r["struct_size"] if r["struct_size"].startswith("0x") else ""
        where = [r["struct"], r["field"], r["arch"], r["build_from"], r["build_to"]]
        if (name, r["field"]) in names and r["offset"].startswith("0x"):
            yield where + [r["offset"], r["size"], r["bitpos"], r["bitlen"], struct_size, r["source"]]
        mark = {"(absent)": "-", "(unknown)": "?"}.get(r["field"])
        for n in names:
            if mark and n[0] == name:
                yield [where[0], n[1]] + where[2:] + [mark, "", "", "", "", r["source"] or "layouts.tsv"]
        whole = (name, r["arch"], r["build_from"], r["build_to"])
        if (name, "") in names and struct_size and whole not in sizes:
            sizes.add(whole)
            where[1] = ""
            yield where + ["0x0", struct_size, "", "", struct_size, r["source"]]


def read_isf(directory):
    tables = {}
    for path in sorted(glob.glob(os.path.join(directory, "*.json.xz"))):
        with lzma.open(path) as f:
            tables[os.path.basename(path).split(".")[0]] = json.load(f)
    return tables


def read_rvas(path):
    with open(path, encoding="utf-8") as f:
        head = f.readline().rstrip("\n").split("\t")
        return [dict(zip(head, line.rstrip("\n").split("\t"))) for line in f]


def kernel_rows(rvas, isf, symbols):
    """One row per kernel: what the list of addresses has, and the rest from its symbol table where there is one."""
    wanted = sorted(symbols)
    out = []
    for r in rvas:
        guid, table = r["pdb_guid_age"], isf.get(r["pdb_guid_age"])
        cells = []
        for s in wanted:
            listed = r.get(s, "")
            if table:
                there = table["symbols"].get(s)
                there = hex(there["address"]) if there else ""
                if s in r and there != listed:
                    raise DataError("%s: %s is %s in the list, %s in the symbol table" % (guid, s, listed, there))
                listed = there
            cells.append(listed)
        source = "ISF:" + guid if table else "pool_symbols_rva.tsv"
        out.append([guid, r["version"], r["arch"]] + cells + [source])
    used = [i for i, _ in enumerate(wanted) if any(o[3 + i] for o in out)]
    head = ["pdb_guid_age", "version", "arch"] + [wanted[i] for i in used] + ["source"]
    out.sort(key=lambda o: (key(parse_build(o[1])), o[0]))
    return head, [o[:3] + [o[3 + i] for i in used] + o[-1:] for o in out]


def build_rows(path):
    """The one image that is listed under two versions (the same file in two updates) keeps the higher one."""
    arches, images = {"amd64": "x64", "arm64": "arm64"}, {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            m = re.search(r"<data (.*?)>", line)
            a = dict(re.findall(r'(\w+)="([^"]*)"', m[1])) if m else {}
            if a.get("file") == "ntoskrnl.exe" and a.get("arch") in arches:
                k = (arches[a["arch"]], a["timestamp"], hex(int(a["size"], 16)))
                if k not in images or version_key(a["version"]) > version_key(images[k]):
                    images[k] = a["version"]
    known = ("x64", "0x0d8333e6", "0x1046000")
    if images.setdefault(known, "10.0.19041.804") != "10.0.19041.804":
        raise DataError("the image of 10.0.19041.804 is listed as %s" % images[known])
    return [[k[0], images[k], k[1], k[2]] for k in sorted(images, key=lambda k: (k[0], version_key(images[k]), k[1]))]


def version_key(v):
    return [int(x) for x in v.split(".")]


def type_size(isf, t):
    if t["kind"] == "base":
        return isf["base_types"][t["name"]]["size"]
    if t["kind"] == "pointer":
        return isf["base_types"]["pointer"]["size"]
    if t["kind"] == "array":
        return t["count"] * type_size(isf, t["subtype"])
    if t["kind"] == "bitfield":
        return type_size(isf, t["type"])
    if t["kind"] == "enum":
        return isf["enums"][t["name"]]["size"]
    return isf["user_types"][t["name"]]["size"]


def check_isf(isf, version, fields):
    """Every row that covers this kernel must say what its symbol table says; how many fields it has without a row."""
    k, missing = key(parse_build(version)), 0
    for name in sorted({r["name"] for r in fields}):
        t = isf["user_types"].get("_" + name[0])
        m = t and (t["fields"].get(name[1]) if name[1] else {"offset": 0, "type": {"kind": "struct", "name": "_" + name[0]}})
        rows = [r for r in fields if r["name"] == name and generate.ARCHES[r["arch"]] == "x64" and r["from"] <= k <= r["to"]]
        missing += bool(m and not rows)
        for r in rows:
            bits = m and (m["type"].get("bit_position", 0), m["type"].get("bit_length", 0))
            have = m and (m["offset"], type_size(isf, m["type"])) + bits + (t["size"],)
            want = tuple(r[x] for x in ("offset", "size", "bitpos", "bitlen", "struct_size"))
            if bool(m) != r["known"] or (m and want[:4] + (want[4] or have[4],) != have):
                raise DataError("%s: %s: the symbol table of %s says %s" % (r["where"], name, version, have))
    return missing


def write(name, comments, head, rows):
    with open(os.path.join(HERE, name), "w", encoding="utf-8", newline="\n") as f:
        f.writelines("# %s\n" % c for c in comments)
        f.writelines("\t".join(r) + "\n" for r in [head] + rows)
    print("%s: %d rows" % (name, len(rows)))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    reference, data = os.path.join(sys.argv[1], "reference"), os.path.join(sys.argv[1], "data")
    symbols, names = generate.read_names(os.path.join(HERE, "..", "src", "symbols", "names.h"))
    isf = read_isf(os.path.join(data, "isf"))
    rvas = read_rvas(os.path.join(reference, "pool_symbols_rva.tsv"))

    rows = list(layout_rows(os.path.join(reference, "layouts.tsv"), names))
    rows += list(kernel_tables.thread_rows(os.path.join(reference, "kernel.md"), row))
    rows += [r for r in list(software_pte_rows()) + list(other_rows()) if (r[0][1:], r[1]) in names]
    rows.sort(key=lambda r: (r[0], r[1], generate.ARCHES.index(r[2]), key(parse_build(r[3])), key(parse_build(r[4], True))))
    write("fields.tsv",
          ["SPDX-License-Identifier: MIT",
           "Offsets of structure fields by architecture and range of builds. A build without revision or service pack is",
           "the one first shipped. offset ?: not known there; -: the field does not exist there. Made by update.py."],
          generate.FIELDS_HEAD, rows)
    head, kernels = kernel_rows(rvas, isf, symbols)
    write("kernels.tsv",
          ["SPDX-License-Identifier: MIT",
           "RVAs of kernel symbols by the GUID and age of the kernel's PDB file. Made by update.py."], head, kernels)
    write("builds.tsv",
          ["SPDX-License-Identifier: MIT",
           "Kernel files (ntoskrnl.exe) by TimeDateStamp and SizeOfImage. From kphdyn.xml of the System Informer project,",
           "https://github.com/winsiderss/systeminformer, Copyright (c) Winsider Seminars & Solutions, Inc., MIT licence."],
          generate.BUILDS_HEAD, build_rows(os.path.join(data, "builds", "kphdyn.xml")))

    fields = generate.read_fields(os.path.join(HERE, "fields.tsv"), names)
    versions = {r["pdb_guid_age"]: r["version"] for r in rvas}
    for guid, table in isf.items():
        missing = check_isf(table, versions[guid], fields)
        print("%s %s: agrees%s" % (guid, versions[guid], ", %d fields without a row" % missing if missing else ""))
    for n in sorted(set(names) - {r["name"] for r in fields}):
        print("no row for _%s.%s" % n)
    for s in sorted(set(symbols) - set(head)):
        print("no address for %s" % s)


if __name__ == "__main__":
    try:
        main()
    except (DataError, OSError) as e:
        sys.exit("update.py: %s" % e)
