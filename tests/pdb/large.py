#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""large.py PDBDUMP ROOT: opening a PDB of more than 8 MiB and resolving all that poolscope uses takes less than 32 MB. What is
counted is the peak of resident memory, the parts of the mapped file that were touched among it."""
import os
import subprocess
import sys
import tempfile
import uuid

import kernel_pdb

PDBDUMP, ROOT = sys.argv[1:]
GUID = '00112233445566778899AABBCCDDEEFF'
MAX_KB = 32000000 // 1024
data, rvas, layouts = kernel_pdb.build(ROOT, uuid.UUID(hex=GUID).bytes_le)
if len(data) < 8 << 20:
    sys.exit(f'the file has only {len(data)} bytes')
with tempfile.TemporaryDirectory() as work:
    path = os.path.join(work, 'ntkrnlmp.pdb')
    with open(path, 'wb') as f:
        f.write(data)
    r = subprocess.run([PDBDUMP, '--peak', path, GUID, '1', '8664'], capture_output=True, text=True)
if r.returncode != 0:
    sys.exit(r.stderr)
lines = [line.split('\t') for line in r.stdout.splitlines()]
got = {c[1]: int(c[2], 16) for c in lines if c[0] == 'symbol'}
fields = {c[1]: tuple(map(int, c[2:5])) for c in lines if c[0] == 'field'}
peak = next((int(c[1]) for c in lines if c[0] == 'peak'), None)
bad = [c for c in lines if c[0] == 'warning'] + [x for x in (set(rvas.items()) ^ set(got.items()))] + \
    [x for x in set(layouts.items()) ^ set(fields.items())]
print(f'{len(data)} bytes, {len(got)} symbols, {len(fields)} fields, peak {peak} kB')
if bad:
    sys.exit(f'{len(bad)} differences: {bad[:10]}')
if peak is None:
    print('skipped: this system does not say how much memory a process has used')
    sys.exit(77)
sys.exit(f'peak {peak} kB, more than {MAX_KB}' if peak > MAX_KB else 0)
