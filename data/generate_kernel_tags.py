#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turn kernel_tags.tsv into C (src/report/kernel_tags.h says what). generate_kernel_tags.py --out-c FILE kernel_tags.tsv"""

import re

from tables import Table

HEAD = "tag role component routines lacking text source".split()


def main():
    table = Table(__doc__, HEAD)
    rows, seen = [], set()
    for c in table:
        if len(c["tag"]) != 4 or c["tag"] in seen:
            table.fail("bad or second tag '%s'" % c["tag"])
        seen.add(c["tag"])
        if c["role"] not in ("behalf", "cache") or not re.match(r"^\w+(,\w+)*$", c["component"]):
            table.fail("bad role or component")
        if not re.match(r"^(-|\w+(,\w+)*)$", c["routines"]) or re.search(r'["\\]', c["text"] + c["source"]):
            table.fail("bad routines or text")
        if not re.match(r"^(-|\w+)$", c["lacking"]) or (c["lacking"] != "-" and c["routines"] == "-"):
            table.fail("bad lacking")
        routines, lacking = ("NULL" if c[key] == "-" else '"%s"' % c[key] for key in ("routines", "lacking"))
        value = int.from_bytes(c["tag"].encode("ascii"), "little")
        rows.append('\t{0x%08x, %s, "%s", %s, %s, "%s", "%s"},' % (
            value, str(c["role"] == "cache").lower(), c["component"], routines, lacking, c["text"], c["source"]))
    table.write(__file__, "report/kernel_tags.h", "psc_kernel_tag", "psc_kernel_tags", sorted(rows))


if __name__ == "__main__":
    main()
