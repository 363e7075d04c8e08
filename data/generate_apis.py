#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turn pool_apis.tsv into C (src/blame/apis.h says what). generate_apis.py --out-c FILE pool_apis.tsv"""

import re

from tables import Table

HEAD = "api module kind n_args pool pool_kind size tag fixed_tag condition source".split()
KINDS = ["call", "lookaside", "contiguous", "mapping", "context", "structure", "default", "registration"]
POOLS = {"type": "PSC_API_POOL_TYPE", "flags": "PSC_API_POOL_FLAGS", "nonpaged": "PSC_API_POOL_NONPAGED",
         "paged": "PSC_API_POOL_PAGED", "-": "PSC_API_POOL_UNKNOWN"}


def parameter(table, text, wide_at):
    """C initialiser of struct psc_api_param. wide_at: number of the 64-bit argument, which takes two slots on x86."""
    if text == "-":
        return "{-1, -1, -1, -1}"
    m = re.match(r"^(\d+)(?::(\d+))?(?:@(\d+)(?:/(\d+))?)?$", text)
    if not m:
        table.fail("not an argument: '%s'" % text)
    arg = int(m[1])
    arg32 = int(m[2]) if m[2] else arg + (1 if wide_at is not None and arg > wide_at else 0)
    offset = int(m[3]) if m[3] else -1
    offset32 = int(m[4]) if m[4] else offset
    return "{%d, %d, %d, %d}" % (arg, arg32, offset, offset32)


def main():
    table = Table(__doc__, HEAD)
    rows, seen = [], set()
    for c in table:
        if c["api"] in seen or not re.match(r"^\w+$", c["api"]):
            table.fail("bad or second name '%s'" % c["api"])
        seen.add(c["api"])
        if c["kind"] not in KINDS or c["pool_kind"] not in POOLS:
            table.fail("unknown kind")
        wide = int(c["pool"]) if c["pool_kind"] == "flags" else None
        m = re.match(r"^wdf:(\d+)$", c["module"])
        tag = c["fixed_tag"]
        if tag != "-" and len(tag) != 4:
            table.fail("a tag has four characters")
        value = 0 if tag == "-" else int.from_bytes(tag.encode("ascii"), "little")
        cond = re.match(r"^(\d+)=(\d+)$", c["condition"])
        rows.append((c["api"], "\t{\"%s\", PSC_API_%s, %s, %s, %d, %d, %s, %s, %s, 0x%08x, %d, %d}," % (
            c["api"], c["kind"].upper(), POOLS[c["pool_kind"]], m[1] if m else "-1", int(c["n_args"]),
            int(c["n_args"]) + (wide is not None), parameter(table, c["pool"], None), parameter(table, c["size"], wide),
            parameter(table, c["tag"], wide), value, int(cond[1]) if cond else -1, int(cond[2]) if cond else 0)))
    rows.sort()
    table.write(__file__, "blame/apis.h", "psc_pool_api", "psc_pool_apis", [r[1] for r in rows])


if __name__ == "__main__":
    main()
