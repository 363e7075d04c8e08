#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""size.py LIBRARY ROOT: the tables that data/ becomes take less than 1 MiB in the binary, and all of them were counted."""
import os
import re
import shutil
import subprocess
import sys

LIBRARY, ROOT = sys.argv[1:]
nm = shutil.which('nm')
if nm is None:
    print('skipped: nm is not installed')
    sys.exit(77)
sizes = {}
for line in subprocess.run([nm, '-S', LIBRARY], capture_output=True, text=True, check=True).stdout.splitlines():
    m = re.match(r'[0-9a-f]+ ([0-9a-f]+) [a-zA-Z] (psc_(?:builtin|pool_api)\w*)$', line)
    if m and m[2] not in sizes:
        sizes[m[2]] = int(m[1], 16)
with open(os.path.join(ROOT, 'src', 'symbols', 'builtin_tables.h'), encoding='utf-8') as f:
    tables = re.findall(r'^extern const .*?(psc_builtin_\w+)\[\];', f.read(), re.M)
missing = [t for t in tables if sizes.get(t, 0) == 0]
for name in tables:
    print('%7d %s' % (sizes.get(name, 0), name))
total = sum(sizes[t] for t in tables if t in sizes)
print('%7d in all' % total)
if missing or len(tables) < 5:
    sys.exit('not found in the library: %s' % missing)
if total < 100000:
    sys.exit('that is too little to be the tables')
sys.exit('more than 1 MiB' if total >= 1 << 20 else 0)
