#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lab.py LAB PDBDUMP BUILD...: the kernels of lab machines have a PDB, made by clang and lld-link, and an ISF file, made by
the lab: both must give the same profile. All PDBs of the machine, drivers' too, must read as llvm-pdbutil reads them."""
import glob
import os
import subprocess
import sys
import tempfile


def profile(pdbdump, path, guid, age, machine):
    r = subprocess.run([pdbdump, '--profile', path, guid, age, machine], capture_output=True, text=True)
    if r.returncode != 0:
        sys.exit(f'{path}: {r.stderr}')
    return r.stdout.split('\n')


def main():
    lab, pdbdump, *builds = sys.argv[1:]
    bad = 0
    for build in builds:
        with tempfile.TemporaryDirectory() as work:
            subprocess.run([lab, 'build', 'healthy', '--build', build, '--containers', 'full', '-o', work], check=True,
                           stdout=subprocess.DEVNULL)
            isf = next(f for f in os.listdir(work) if f.endswith('.json.xz'))
            guid, age = isf.split('.')[0].split('-')
            machine = '14c' if 'x86' in build else '8664'
            pdb = next(f for f in os.listdir(work) if f.startswith('nt') and f.endswith('.pdb'))
            a = profile(pdbdump, os.path.join(work, pdb), guid, age, machine)
            b = profile(pdbdump, os.path.join(work, isf), guid, age, machine)
            n = len(a) - 1
            print(f'{build}: {pdb}, {n} entries')
            if a != b or n < 60:
                bad += 1
                for line in sorted(set(a) - set(b))[:10]:
                    print(f'  only in the PDB: {line}')
                for line in sorted(set(b) - set(a))[:10]:
                    print(f'  only in the ISF: {line}')
            compare = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'compare.py')
            pdbs = sorted(glob.glob(os.path.join(work, '*.pdb')))
            bad += subprocess.run([sys.executable, compare, pdbdump, *pdbs]).returncode not in (0, 77)
    return 1 if bad else 0


sys.exit(main())
