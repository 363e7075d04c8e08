#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turn kernel_tags.tsv into C (src/report/kernel_tags.h says what). generate_kernel_tags.py --out-c FILE kernel_tags.tsv"""

import argparse
import re
import sys

HEAD = "tag role component routines text source".split()


def fail(n, text):
    sys.exit("kernel_tags.tsv:%d: %s" % (n, text))


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--out-c", required=True)
    p.add_argument("table")
    a = p.parse_args()
    rows, head, seen = [], None, set()
    for n, line in enumerate(open(a.table, encoding="ascii"), 1):
        if line.startswith("#") or not line.strip():
            continue
        cells = line.rstrip("\n").split("\t")
        if head is None:
            head = cells
            if head != HEAD:
                fail(n, "unexpected header")
            continue
        if len(cells) != len(HEAD):
            fail(n, "%d columns instead of %d" % (len(cells), len(HEAD)))
        c = dict(zip(HEAD, cells))
        if len(c["tag"]) != 4 or c["tag"] in seen:
            fail(n, "bad or second tag '%s'" % c["tag"])
        seen.add(c["tag"])
        if c["role"] not in ("behalf", "cache") or not re.match(r"^\w+(,\w+)*$", c["component"]):
            fail(n, "bad role or component")
        if not re.match(r"^(-|\w+(,\w+)*)$", c["routines"]) or re.search(r'["\\]', c["text"] + c["source"]):
            fail(n, "bad routines or text")
        routines = "NULL" if c["routines"] == "-" else '"%s"' % c["routines"]
        value = int.from_bytes(c["tag"].encode("ascii"), "little")
        rows.append('\t{0x%08x, %s, "%s", %s, "%s", "%s"},' % (
            value, str(c["role"] == "cache").lower(), c["component"], routines, c["text"], c["source"]))
    with open(a.out_c, "w", encoding="ascii", newline="\n") as f:
        f.write("/* Made by data/generate_kernel_tags.py from data/kernel_tags.tsv. Do not edit. */\n"
                "#include \"report/kernel_tags.h\"\n\n")
        f.write("const struct psc_kernel_tag psc_kernel_tags[] = {\n%s\n};\n" % "\n".join(sorted(rows)))
        f.write("const size_t psc_kernel_tags_n = %d;\n" % len(rows))


if __name__ == "__main__":
    main()
