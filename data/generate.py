#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turn the reviewed tables fields.tsv, kernels.tsv and builds.tsv into C (src/symbols/builtin_tables.h says what).

Run by the build: generate.py --out-c builtin_tables.c [--names names.h] fields.tsv kernels.tsv builds.tsv
A name that names.h does not list is an error, and so are rows that contradict each other."""

import argparse
import os
import re
import sys

ARCHES = ["x86", "x86pae", "x86nopae", "x64", "arm64"]
MACHINES = {"x86": "PSC_MACHINE_X86", "x64": "PSC_MACHINE_X64", "arm64": "PSC_MACHINE_ARM64"}
FIELDS_HEAD = ("struct field arch build_from build_to offset size bitpos bitlen struct_size source").split()
BUILDS_HEAD = "arch version time_date_stamp size_of_image".split()
LAST_REVISION = 0xFFFF
UPDATE_1_REVISION = 17031  # first 6.3.9600 kernel of "Update 1": commonly known, not in the reference data
BUILD = re.compile(r"^(\d+)\.(\d+)\.(\d+)(?:\.(\d+)| (SP\d|U1)|\(([ab])\))?$")


class DataError(Exception):
    pass


def parse_build(text, is_end=False):
    """(build, revision) of a build name. As shipped is revision 0; a service pack of 2600 and 3790 is its number;
    (a) and (b) of 26100 are 1 and 2. src/symbols/builtin.c reads version texts the same way."""
    m = BUILD.match(text)
    if not m:
        raise DataError("not a build name: '%s'" % text)
    build, revision, pack, letter = int(m[3]), int(m[4] or 0), m[5], m[6]
    if pack == "U1":
        revision = LAST_REVISION if is_end else UPDATE_1_REVISION
    elif pack:
        revision = int(pack[2:])
    elif letter:
        revision = "ab".index(letter) + 1
    if build > 0xFFFF or revision > LAST_REVISION:
        raise DataError("build out of range: '%s'" % text)
    return build, revision


def key(build):
    return build[0] << 16 | build[1]


def read_names(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    symbols_part, fields_part = text.split("#define PSC_FIELD_LIST(X)")
    symbols = re.findall(r"\bX\((\w+)\)[ \t]*\\?\n", symbols_part.split("#define PSC_SYMBOL_LIST(X)")[1])
    fields = [(s, f) for s, f in re.findall(r"\bX\((\w+), ?(\w*)\)", fields_part)]
    for what, names in (("symbol", symbols), ("field", fields)):
        for n in names:
            if names.count(n) > 1:
                raise DataError("%s: %s listed twice: %s" % (path, what, n))
    return symbols, fields


def read_tsv(path):
    """(header, [(line number, cells)]); lines that begin with # are comments."""
    rows, head = [], None
    with open(path, encoding="utf-8") as f:
        for n, line in enumerate(f, 1):
            if line.startswith("#") or not line.strip():
                continue
            cells = line.rstrip("\n").split("\t")
            if head is None:
                head = cells
            elif len(cells) != len(head):
                raise DataError("%s:%d: %d columns instead of %d" % (path, n, len(cells), len(head)))
            else:
                rows.append((n, cells))
    return head, rows


def number(text):
    return int(text, 16) if text.startswith("0x") else int(text or "0")


def read_fields(path, names):
    head, rows = read_tsv(path)
    if head != FIELDS_HEAD:
        raise DataError("%s: unexpected header" % path)
    out = []
    for n, cells in rows:
        where = "%s:%d" % (path, n)
        try:
            c = dict(zip(head, cells))
            name = (c["struct"].lstrip("_"), c["field"])
            if name not in names:
                raise DataError("%s: %s.%s is not in names.h" % (where, c["struct"], c["field"]))
            row = {
                "where": where, "name": name, "field": names.index(name), "arch": ARCHES.index(c["arch"]),
                "from": key(parse_build(c["build_from"])), "to": key(parse_build(c["build_to"], True)),
                "text": (c["build_from"], c["build_to"]),
                "known": c["offset"] not in ("?", "-"),
            }
            for k in ("offset", "size", "bitpos", "bitlen", "struct_size"):
                row[k] = number(c[k]) if row["known"] else 0
        except (ValueError, KeyError) as e:
            raise DataError("%s: %s" % (where, e))
        check_field(row)
        out.append(row)
    out.sort(key=lambda r: (r["field"], r["arch"], r["from"], r["to"]))
    check_overlaps(out)
    return out


def check_field(row):
    if row["from"] > row["to"]:
        raise DataError("%s: build range is reversed" % row["where"])
    if row["struct_size"] and row["offset"] + row["size"] > row["struct_size"]:
        raise DataError("%s: field ends behind its structure" % row["where"])
    if row["bitlen"] and row["bitpos"] + row["bitlen"] > 8 * row["size"]:
        raise DataError("%s: bit field ends behind its storage" % row["where"])


def field_value(row):
    return tuple(row[k] for k in ("known", "offset", "size", "bitpos", "bitlen"))


def check_overlaps(rows):
    for a in rows:
        for b in rows:
            if (a is not b and a["field"] == b["field"] and ARCHES[a["arch"]][:3] == ARCHES[b["arch"]][:3]
                    and {a["arch"], b["arch"]} != {1, 2} and a["from"] <= b["to"] and b["from"] <= a["to"]
                    and field_value(a) != field_value(b)):
                raise DataError("%s contradicts %s" % (a["where"], b["where"]))


def read_kernels(path, symbols):
    head, rows = read_tsv(path)
    if head[:3] != ["pdb_guid_age", "version", "arch"] or head[-1] != "source":
        raise DataError("%s: unexpected header" % path)
    columns = head[3:-1]
    for s in columns:
        if s not in symbols or columns.count(s) > 1:
            raise DataError("%s: symbol %s is not in names.h or stands twice" % (path, s))
    out = {}
    for n, cells in rows:
        m = re.match(r"^([0-9A-F]{32})-(\d+)$", cells[0])
        if not m or cells[2] not in MACHINES or not BUILD.match(cells[1]):
            raise DataError("%s:%d: bad identity" % (path, n))
        k = (bytes.fromhex(m[1]), int(m[2]))
        rvas = [number(c) for c in cells[3:-1]]
        if k in out or k[1] > 0xFFFF or any(r > 0xFFFFFFFF for r in rvas):
            raise DataError("%s:%d: second row of a kernel, or a number is too large" % (path, n))
        out[k] = (cells[1], cells[2], rvas)
    return columns, [k + out[k] for k in sorted(out)]


def read_builds(path):
    head, rows = read_tsv(path)
    if head != BUILDS_HEAD:
        raise DataError("%s: unexpected header" % path)
    out = {}
    for n, (arch, version, stamp, size) in rows:
        size = number(size)
        if arch not in MACHINES or not BUILD.match(version) or size % 4096 or size >> 12 > 0xFFFF:
            raise DataError("%s:%d: bad row" % (path, n))
        k = (MACHINES[arch], number(stamp), size >> 12)
        if k in out:
            raise DataError("%s:%d: two versions for one image" % (path, n))
        out[k] = version
    order = list(MACHINES.values())
    return [k + (out[k],) for k in sorted(out, key=lambda k: (order.index(k[0]), k[1], k[2]))]


class Texts:
    """Every text once, in one array."""

    def __init__(self):
        self.offsets, self.data = {}, bytearray(b"\0")

    def add(self, s):
        if s not in self.offsets:
            self.offsets[s] = len(self.data)
            self.data += s.encode("ascii") + b"\0"
        return self.offsets[s]


def lines(items, per_line):
    items = list(items)
    for i in range(0, len(items), per_line):
        yield "\t" + " ".join("%s," % x for x in items[i:i + per_line])


def table(out, declaration, rows, per_line=1):
    rows = list(rows) or ["0"]
    out.append("%s = {" % declaration)
    out.extend(lines(rows, per_line))
    out.append("};")


def emit(fields, names, columns, kernels, builds):
    out = ["/* Made by data/generate.py from the tables in data/. Do not edit. */",
           '#include "symbols/builtin_tables.h"', ""]
    texts = Texts()
    structs = sorted({s for s, _ in names})

    table(out, "const struct psc_builtin_field psc_builtin_fields[]",
          ("{0x%x, 0x%x, 0x%x, 0x%x, 0x%x, PSC_FIELD_%s_%s, %d, %d, %d, %d, %d}"
           % (r["from"], r["to"], r["offset"], r["size"], r["struct_size"], r["name"][0], r["name"][1],
              structs.index(r["name"][0]), r["arch"], r["known"], r["bitpos"], r["bitlen"]) for r in fields))
    out.append("const size_t psc_builtin_fields_n = %d;" % len(fields))

    # The ends of all rows of a structure are the revisions of a build that are told apart.
    variants = sorted({(structs.index(r["name"][0]), r["arch"], k) for r in fields for k in (r["from"], r["to"])})
    table(out, "const struct psc_builtin_variant psc_builtin_variants[]",
          ("{0x%x, %d, %d}" % (k, s, a) for s, a, k in variants), 4)
    out.append("const size_t psc_builtin_variants_n = %d;" % len(variants))

    families = {}
    for r in fields:
        for t in r["text"]:
            families[parse_build(t)[0]] = ".".join(BUILD.match(t).group(1, 2, 3))
    table(out, "const struct psc_builtin_family psc_builtin_families[]",
          ("{%d, %d}" % (b, texts.add(families[b])) for b in sorted(families)), 4)
    out.append("const size_t psc_builtin_families_n = %d;" % len(families))

    table(out, "const struct psc_builtin_kernel psc_builtin_kernels[]",
          ("{{%s}, %d, %s, %d}" % (", ".join("0x%02x" % b for b in guid), texts.add(version), MACHINES[arch], age)
           for guid, age, version, arch, _ in kernels))
    out.append("const size_t psc_builtin_kernels_n = %d;" % len(kernels))
    table(out, "const uint16_t psc_builtin_symbols[]", ("PSC_SYM_%s" % c for c in columns), 3)
    out.append("const size_t psc_builtin_symbols_n = %d;" % len(columns))
    table(out, "const uint32_t psc_builtin_rvas[]", ("0x%x" % r for k in kernels for r in k[4]), 12)

    table(out, "const struct psc_builtin_build psc_builtin_builds[]",
          ("{0x%08x, %d, 0x%x, %s}" % (stamp, texts.add(version), pages, machine)
           for machine, stamp, pages, version in builds), 3)
    out.append("const size_t psc_builtin_builds_n = %d;" % len(builds))
    table(out, "const char psc_builtin_texts[]", ("%d" % b for b in texts.data), 32)
    return "\n".join(out) + "\n"


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--out-c", required=True)
    p.add_argument("--names", default=os.path.join(here, "..", "src", "symbols", "names.h"))
    p.add_argument("fields")
    p.add_argument("kernels")
    p.add_argument("builds")
    a = p.parse_args()
    try:
        symbols, fields = read_names(a.names)
        columns, kernels = read_kernels(a.kernels, symbols)
        text = emit(read_fields(a.fields, fields), fields, columns, kernels, read_builds(a.builds))
    except (DataError, OSError) as e:
        sys.exit("generate.py: %s" % e)
    with open(a.out_c, "w", encoding="ascii", newline="\n") as f:
        f.write(text)


if __name__ == "__main__":
    main()
