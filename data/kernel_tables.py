# SPDX-License-Identifier: MIT
"""Rows of fields.tsv for threads and processors from the tables of reference/kernel.md, sections 9 (x64) and 9b (x86).
For update.py."""

import re

# Columns of the tables as first and last build, in the words of fields.tsv.
X64 = {"3790": ("5.2.3790 SP1", "5.2.3790 SP2"), "6000": ("6.0.6000", "6.0.6000"), "6001-2": ("6.0.6001", "6.0.6002"),
       "7600-1": ("6.1.7600", "6.1.7601.17514"), "7601†": ("6.1.7601.24540", "6.1.7601.24540"),
       "9200": ("6.2.9200", "6.2.9200"), "9600": ("6.3.9600", "6.3.9600 U1"), "10240": ("10.0.10240", "10.0.10240"),
       "10586": ("10.0.10586", "10.0.10586"), "14393": ("10.0.14393", "10.0.14393.6343"),
       "15063": ("10.0.15063", "10.0.15063"), "16299": ("10.0.16299", "10.0.16299"),
       "17134": ("10.0.17134", "10.0.17134"), "17763": ("10.0.17763", "10.0.17763.5933"),
       "18362": ("10.0.18326.535", "10.0.18362.836"), "19041": ("10.0.19041", "10.0.19041.3570"),
       "20348": ("10.0.20348.288", "10.0.20348.2031"), "22000": ("10.0.22000", "10.0.22000.2538")}
X86 = {"XP": ("5.1.2600 SP2", "5.1.2600 SP3"), "2003": ("5.2.3790 SP0", "5.2.3790 SP0"),
       "2003 SP1-2": ("5.2.3790 SP1", "5.2.3790 SP2"), "Vista": ("6.0.6000", "6.0.6000"),
       "Vista SP1-2": ("6.0.6001", "6.0.6002"), "7": ("6.1.7600", "6.1.7601.24000"), "8": ("6.2.9200", "6.2.9200"),
       "8.1": ("6.3.9600", "6.3.9600 U1"), "10240": ("10.0.10240", "10.0.10240"),
       "10586": ("10.0.10586", "10.0.10586"), "14393": ("10.0.14393", "10.0.14393"),
       "15063": ("10.0.15063", "10.0.15063"), "16299": ("10.0.16299", "10.0.16299"),
       "17134": ("10.0.17134", "10.0.17134"), "17763": ("10.0.17763", "10.0.17763"),
       "18362": ("10.0.18362", "10.0.18362"), "19041": ("10.0.19041", "10.0.19041")}
# Fields and their sizes in pointers; 0: one byte.
FIELDS = {"_EPROCESS": {"ThreadListHead": 2}, "_ETHREAD": {"Cid": 2, "StartAddress": 1, "ThreadListEntry": 2},
          "_KPRCB": {"Context": 1, "DpcStack": 1, "IsrStack": 1},
          "_KTHREAD": {"KernelStack": 1, "Process": 1, "StackBase": 1, "StackLimit": 1, "State": 0}}
# KTHREAD.KernelStackResident: its bit by column (kernel.md 10).
RESIDENT = {"7601†": 0, "9600": 16, "14393": 16, "17763": 17, "18362": 17, "19041": 17, "20348": 17, "22000": 17}


def columns_of(head, known):
    """"10586–14393" stands for each known column between the two."""
    names = list(known)
    for cell in head:
        ends = cell.split("–")
        yield names[names.index(ends[0]):names.index(ends[-1]) + 1]


def tables(text, known):
    """{struct: {field: {column: offset text}}}"""
    out, struct = {}, None
    head = None
    for line in text.split("\n"):
        m = re.match(r"\*\*(_\w+)\*\*$", line)
        if m:
            struct, head = m[1], None
            out[struct] = {}
        m = re.match(r"Same wherever present: (.*)\.$", line)
        if m and struct:
            for name, offset in re.findall(r"(\w+) ([0-9a-f]+)(?:[ ,]|$)", m[1]):
                out[struct][name] = {c: offset for c in known}
        if struct and line.startswith("| field |"):
            head = list(columns_of([c.strip() for c in line.strip("|").split("|")[1:]], known))
        elif head and line.startswith("| ") and not line.startswith("| ---"):
            cells = [c.strip() for c in line.strip("|").split("|")]
            if cells[0] == "field":
                continue
            out[struct][cells[0]] = {c: v for group, v in zip(head, cells[1:]) for c in group}
    return out


def merged(columns, known, value_of):
    """(first, last, value) for runs of columns with one value."""
    runs = []
    for c in known:
        if c not in columns:
            continue
        value = value_of(c)
        if runs and runs[-1][2] == value and runs[-1][3] == list(known).index(c) - 1:
            runs[-1] = (runs[-1][0], known[c][1], value, list(known).index(c))
        else:
            runs.append((known[c][0], known[c][1], value, list(known).index(c)))
    return [r[:3] for r in runs]


def thread_rows(path, row):
    """row: the function of update.py that makes one."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    x64 = text[text.index("## 9. "):text.index("### ARM64, build 22000")]
    x86 = text[text.index("## 9b. "):text.index("## 10. ")]
    for arch, part, known, pointer, source in (("x64", x64, X64, 8, "reference kernel.md 9"),
                                               ("x86", x86, X86, 4, "reference kernel.md 9b")):
        t = tables(part, known)
        for struct, fields in FIELDS.items():
            for field, pointers in fields.items():
                cells = t[struct].get(field, {})
                size = "%x" % (pointers * pointer or 1)
                for first, last, offset in merged(cells, known, lambda c: cells[c]):
                    yield row(struct, field, arch, first, last, offset, size if offset != "-" else "", "", source)
        if arch == "x64":
            cells = t["_KTHREAD"]["KernelStackResident"]
            columns = [c for c in known if c in RESIDENT]
            for first, last, (offset, bit) in merged(columns, known, lambda c: (cells[c], RESIDENT[c])):
                yield row("_KTHREAD", "KernelStackResident", arch, first, last, offset, "4", "", source + " and 10",
                          str(bit), "1")
            for first, last in (("6.1.7601.17515", "6.1.7601.24539"),):
                for struct, field in (("_ETHREAD", f) for f in FIELDS["_ETHREAD"]):
                    yield row(struct, field, arch, first, last, "?", "", "", source)
                for field in ("Context",):
                    yield row("_KPRCB", field, arch, first, last, "?", "", "", source)
