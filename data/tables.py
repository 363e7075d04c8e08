# SPDX-License-Identifier: MIT
"""What the generators of small tables share: the file's rows, and the command line."""

import argparse
import os
import sys


class Table:
    """Rows of a file of cells between tabs, under a line that names them; # begins a comment."""

    def __init__(self, doc, head):
        p = argparse.ArgumentParser(description=doc.splitlines()[0])
        p.add_argument("--out-c", required=True)
        p.add_argument("table")
        a = p.parse_args()
        self.path, self.out_c, self.head, self.line = a.table, a.out_c, head, 0

    def fail(self, text):
        sys.exit("%s:%d: %s" % (os.path.basename(self.path), self.line, text))

    def __iter__(self):
        is_first = True
        with open(self.path, encoding="ascii") as f:
            for self.line, text in enumerate(f, 1):
                if text.startswith("#") or not text.strip():
                    continue
                cells = text.rstrip("\n").split("\t")
                if is_first:
                    if cells != self.head:
                        self.fail("unexpected header")
                    is_first = False
                    continue
                if len(cells) != len(self.head):
                    self.fail("%d columns instead of %d" % (len(cells), len(self.head)))
                yield dict(zip(self.head, cells))

    def write(self, generator, include, kind, name, rows):
        """rows: initialisers, in the order of the array."""
        with open(self.out_c, "w", encoding="ascii", newline="\n") as f:
            f.write("/* Made by data/%s from data/%s. Do not edit. */\n#include \"%s\"\n\n" % (
                os.path.basename(generator), os.path.basename(self.path), include))
            f.write("const struct %s %s[] = {\n%s\n};\n" % (kind, name, "\n".join(rows)))
            f.write("const size_t %s_n = %d;\n" % (name, len(rows)))
