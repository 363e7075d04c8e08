#!/usr/bin/env python3
"""zip_test.py ROOT BUILD PREFIX: the package for Windows holds all it should, and works as it is unpacked.

Imports are read by objdump; the program's answer is held against a golden file.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

root, build, prefix = sys.argv[1:]
failed = 0
# What every Windows has. Anything else would have to lie beside the program.
SYSTEM = {'advapi32.dll', 'kernel32.dll', 'msvcrt.dll', 'shell32.dll'}
# How `--version` calls a library, and the licences that it brings.
LIBRARIES = {'zlib': ['zlib'], 'cJSON': ['cJSON'], 'Capstone': ['Capstone', 'Capstone-LLVM'],
             'libarchive': ['libarchive', 'libzstd', 'bzip2'], 'liblzma': ['liblzma'], 'libmspack': ['libmspack']}


def check(ok, what):
    global failed
    if not ok:
        failed = 1
        print('FAIL: ' + what)


def run(*cmd, **kw):
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
    check(p.returncode == 0, '%s: exit %d: %s' % (' '.join(cmd), p.returncode, p.stderr.decode(errors='replace')[-500:]))
    return p.stdout


def read(*path):
    with open(os.path.join(*path), 'rb') as f:
        return f.read()


def check_package(at):
    exe = os.path.join(at, 'poolscope.exe')
    check(sorted(os.listdir(at)) == ['licences', 'manual', 'poolscope.exe', 'schema'], 'content: %s' % os.listdir(at))

    imports = re.findall(r'DLL Name: (\S+)', run('x86_64-w64-mingw32-objdump', '-p', exe).decode())
    check(imports and {i.lower() for i in imports} <= SYSTEM, 'needs %s' % imports)

    wine = os.environ.get('MESON_EXE_WRAPPER', 'wine')
    version = run(wine, exe, '--version').decode()
    linked = re.findall(r'^(\w+): (\d[\d.]*)', version, re.M)
    check({name for name, _ in linked} == set(LIBRARIES), '--version: %s' % linked)
    wanted = {'poolscope', 'mingw-w64', 'libgcc'} | {text for texts in LIBRARIES.values() for text in texts}
    licences = {name[:-4]: read(at, 'licences', name) for name in os.listdir(os.path.join(at, 'licences'))}
    check(set(licences) == wanted, 'licences: %s' % sorted(licences))
    for name, text in licences.items():
        check(re.search(rb'Permission|permission|public domain|LICENSE|License', text) and len(text) > 500,
              'licence of %s' % name)

    text = re.search(r'(?ms)^Commands:\n(.*?)^Examples:', run(wine, exe, '--help').decode()).group(1)
    commands = re.findall(r'^  (\w+) ', text, re.M)
    pages = {name for name in os.listdir(os.path.join(at, 'manual'))}
    check(len(commands) > 10 and pages == {'poolscope.txt'} | {'poolscope-%s.txt' % c for c in commands},
          'manual: %s, commands: %s' % (sorted(pages), commands))
    for name in pages:
        text = read(at, 'manual', name).decode()
        lines = text.split('\r\n')
        check('NAME' in lines and 'SYNOPSIS' in lines and len(lines) > 20, '%s is no manual page' % name)
        check('\n' not in ''.join(lines) and not re.search('[\x00-\x08\x0b-\x1f\x7f]', ''.join(lines)),
              '%s is no plain text of Windows' % name)

    for name in os.listdir(os.path.join(root, 'schema')):
        if name.endswith('.json'):
            check(json.loads(read(at, 'schema', name)) == json.loads(read(root, 'schema', name)), 'schema %s' % name)

    cases = [line.split('|') for line in read(root, 'tests/golden/cases.txt').decode().splitlines() if '|' in line]
    golden, arguments = next((a.strip(), b.split()) for a, b in cases if a.strip().endswith('/tags-csv.txt'))
    want = read(root, golden).split(b'--- stderr')[0]
    env = {k: v for k, v in os.environ.items() if 'SYMBOL_PATH' not in k}
    check(run(wine, exe, *arguments, cwd=root, env=env) == want, 'tags: not the answer of %s' % golden)


def main():
    name = run(os.path.join(root, 'package/windows-zip'), build, prefix).decode().strip()
    print('%s: %d bytes' % (name, os.path.getsize(name)))
    work = tempfile.mkdtemp(prefix='poolscope-zip-')
    try:
        at = os.path.join(work, 'Eigene Programme für alle')
        with zipfile.ZipFile(name) as z:
            check(z.testzip() is None, 'zip is damaged')
            z.extractall(at)
        top = os.listdir(at)
        check(top == [os.path.basename(name)[:-4]], 'top of the zip: %s' % top)
        check_package(os.path.join(at, top[0]))
    finally:
        shutil.rmtree(work)
    os.remove(name)
    sys.exit(failed)


main()
