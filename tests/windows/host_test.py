#!/usr/bin/env python3
"""host_test.py POOLSCOPE HOST ROOT: how the program behaves among others on Windows, under Wine: consoles and Ctrl-C, files
that others have open, temporary files, UNC paths, symbol paths, wildcards, line ends.

HOST (host.c) is the other program. What is expected is what the fixture gives on Linux: its golden file.
"""
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

exe, host, root = (os.path.abspath(p) for p in sys.argv[1:])
wine = os.environ.get('MESON_EXE_WRAPPER', 'wine')
failed = 0
name = os.path.join(root, 'fixtures', 'odd-tags-8.1-x64')
isf = ['--isf', name + '.isf.json.xz']
golden = open(os.path.join(root, 'tests/golden/tags-csv.txt'), 'rb').read().split(b'--- stderr')[0]
as_golden = ['tags', '-q', '--format', 'csv', '--sort', 'tag']


def fail(text):
    global failed
    failed = 1
    print('FAIL: ' + text, flush=True)


def run(args, host_options=(), env=None, cwd=None):
    cmd = [wine] + ([host] + list(host_options) if host_options else []) + [exe] + args
    p = subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, cwd=cwd,
                       env=dict(os.environ, **(env or {})))
    return p.returncode, p.stdout, p.stderr.decode(errors='replace')


def expect(what, result, want_code, want_out=None, want_err=None):
    code, out, err = result
    if code != want_code or (want_out is not None and out != want_out) or (want_err and not re.search(want_err, err)):
        fail('%s: exit code %d, stdout %r, stderr %r' % (what, code, out[-200:], err[-400:]))


def as_drive(path):
    return 'Z:' + path.replace('/', '\\')


def screen(out):
    """The text that was shown. Wine's consoles put a blank as 'erase and go right', and know no colours: they show the
    sequences that other consoles take as colours."""
    text = out.decode(errors='replace').replace('\033[K\033[1C', ' ')
    text = re.sub(r'\033\[(\d+)C', lambda m: ' ' * int(m.group(1)), text)
    return re.sub(r'\033\[(\?25[lh]|K|2J|m|H)', '', text).split('\r\n')


def check_console(_, dump):
    wide = dump.replace('plain', 'Überlauf-日本-пул')
    shutil.copy(dump, wide)
    code, out, err = run(['info', '--no-progress'] + isf + [wide], ['-w', '200'])
    lines = screen(out)
    if code != 0 or not any(l.startswith('Dump:') and l.rstrip().endswith('Überlauf-日本-пул.dmp') for l in lines):
        fail('console: name of the dump: %d, %r' % (code, lines[:3]))
    code, out, err = run(['tags', '--no-progress', '--color', 'never'] + isf + [wide + 'x'], ['-w', '200'])
    if code != 3 or 'Überlauf-日本-пул.dmpx' not in ''.join(screen(out)):
        fail('console: message: %d, %r' % (code, screen(out)))
    shown = {}
    for columns in 60, 100:
        code, out, err = run(['tags', '-n', '3', '--no-progress', '--color', 'never'] + isf + [dump], ['-w', str(columns)])
        lines = screen(out)
        table = lines[:lines.index('')] if '' in lines else []
        if code != 0 or len(table) != 4 or not table[0].startswith('Tag ') or max(map(len, table)) > columns:
            fail('console of %d columns: %d, %r' % (columns, code, table))
        shown[columns] = table and table[0]
        # A message comes after what was printed before it, and a pager never.
        if not any(l.startswith('poolscope: ') for l in lines[len(table):]) or lines[0].startswith('poolscope: '):
            fail('console of %d columns: messages: %r' % (columns, lines))
    if len(shown[60]) >= len(shown[100]):
        fail('console: as wide at 60 columns as at 100: %r' % shown)
    for options, env, colored in ([], {}, True), ([], {'NO_COLOR': '1'}, False), (['--color', 'always'], {'NO_COLOR': '1'}, True):
        code, out, err = run(['tags', '-n', '1', '--no-progress'] + options + isf + [dump], ['-w', '120'], env)
        if code != 0 or (b'\033[1mTag' in out) != colored:
            fail('console: colours with %s %s: %r' % (options, env, out[:200]))
    # Elsewhere: none of this.
    code, out, err = run(['tags', '-n', '1'] + isf + [dump])
    if code != 0 or b'\033' in out or '\033' in err or b'Difference' not in out:
        fail('no console: %r %r' % (out[:200], err[:200]))


def check_sharing(tmp, dump):
    expect('dump that others write', run(as_golden + isf + [dump], ['-s', dump]), 0, golden)
    expect('dump that another keeps', run(as_golden + isf + [dump], ['-x', dump]), 3, b'', r'plain\.dmp')
    result = os.path.join(tmp, 'result.csv')
    with open(result, 'w') as f:
        f.write('old')
    expect('-o onto a file that another keeps', run(as_golden + isf + ['-o', result, dump], ['-x', result]), 3, b'',
           r'cannot write .*result\.csv')
    if open(result).read() != 'old' or os.path.exists(result + '.partial'):
        fail('-o onto a file that another keeps: changed it, or left a partial one')
    expect('-o onto an old file', run(as_golden + isf + ['-o', result, dump]), 0, b'')
    if open(result, 'rb').read() != golden:
        fail('-o onto an old file: other content')


def check_temporary(tmp, dump):
    """A file that is unpacked to disk: nothing stays, however the program ends."""
    packed, where = os.path.join(tmp, 'long.dmp.gz'), os.path.join(tmp, 'Zwischen ablage-日')
    os.mkdir(where)
    with gzip.open(packed, 'wb', compresslevel=1) as f:
        f.write(open(dump, 'rb').read())
        for _ in range(300):
            f.write(bytes(1 << 20))
    args = [wine, exe] + as_golden + isf + ['--tmpdir', as_drive(where) + '\\', packed]
    seen = False
    for kills in True, False:
        p = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while p.poll() is None:
            if os.listdir(where):
                seen = True
                if kills:
                    p.send_signal(signal.SIGKILL)
                    break
            time.sleep(0.01)
        out, err = p.communicate(timeout=120)
        if not kills and (p.returncode != 0 or out != golden):
            fail('--tmpdir: exit code %d, %r' % (p.returncode, err))
        for _ in range(100):  # Wine's server closes what a killed program had
            if not os.listdir(where):
                break
            time.sleep(0.1)
        if not seen or os.listdir(where):
            fail('--tmpdir: %s, %s left' % ('seen' if seen else 'nothing seen', os.listdir(where)))
    # Ctrl-C, while it is unpacked, and a limit of time.
    args = ['tags'] + isf + ['--tmpdir', where, packed]
    code, out, err = run(args, ['-w', '120', '-i', 'unpacking'])
    if code != 4 or 'interrupted before there was a result' not in ''.join(screen(out)) or os.listdir(where):
        fail('Ctrl-C: exit code %d, %r, %s left' % (code, screen(out), os.listdir(where)))
    expect('--timeout', run(args + ['--timeout', '0.01']), 4, b'',
           r'^poolscope: (.*: )?the time of --timeout is over before there was a result\n$')
    os.remove(packed)


def check_unc(tmp, dump):
    """Wine looks for \\\\machine\\share in a directory of its own."""
    prefix = os.environ.get('WINEPREFIX', os.path.expanduser('~/.wine'))
    server = os.path.join(prefix, 'dosdevices', 'unc', 'test-%d' % os.getpid())
    os.makedirs(server)
    try:
        os.symlink(tmp, os.path.join(server, 'share'))
        unc = '\\\\test-%d\\share' % os.getpid()
        deep = os.path.join(*['%s%060d' % ('ordner', i) for i in range(5)])
        os.makedirs(os.path.join(tmp, deep))
        shutil.copy(dump, os.path.join(tmp, deep, 'x.dmp'))
        for what, path in (('UNC', unc + '\\plain.dmp'), ('UNC with slashes', unc.replace('\\', '/') + '/plain.dmp'),
                           ('\\\\?\\UNC', '\\\\?\\UNC' + unc[1:] + '\\plain.dmp'),
                           ('UNC beyond MAX_PATH', unc + '\\' + deep.replace('/', '\\') + '\\x.dmp')):
            expect(what, run(as_golden + isf + [path]), 0, golden)
        expect('-o to UNC beyond MAX_PATH', run(as_golden + isf + ['-o', unc + '\\' + deep.replace('/', '\\') + '\\r', dump]), 0)
        if open(os.path.join(tmp, deep, 'r'), 'rb').read() != golden:
            fail('-o to UNC beyond MAX_PATH: other content')
        expect('no such share', run(['info', unc + '-none\\share\\plain.dmp']), 3, b'', 'none.share.plain')
    finally:
        shutil.rmtree(server)


def check_symbols(tmp, dump):
    code, out, err = run(['info', '-q', '--format', 'json'] + isf + [dump])
    guid = json.loads(out)['kernel']['pdb_guid']
    for case, store, table in (('as it is', 'Symbols', 'ntkrnlmp.pdb/%s-1.json.xz' % guid),
                               ('in other case', 'OTHER', 'NTKRNLMP.PDB/%s-1.JSON.XZ' % guid.lower())):
        at = os.path.join(tmp, store, 'windows', table)
        os.makedirs(os.path.dirname(at))
        shutil.copy(isf[1], at)
        place = as_drive(os.path.join(tmp, store))
        for path in ('srv*%s*https://symbols.example/x' % place, 'C:\\none here;"%s";cache*C:\\nothing' % place,
                     'SRV*%s\\' % place.replace('Z:', 'z:')):
            code, out, err = run(['symbols', '-q', '--format', 'json', dump], env={'_NT_SYMBOL_PATH': path})
            doc = json.loads(out) if code == 0 else {'symbols': None}
            if doc['symbols'] != 'isf':
                fail('store %s, _NT_SYMBOL_PATH=%s: exit code %d, %s' % (case, path, code, err or doc['symbols']))


def check_arguments(tmp, dump):
    for pattern in '*.dmp', 'pl?in.dmp':
        expect('wildcard', run(['tags'] + isf + [pattern], cwd=tmp), 3, b'', re.escape(pattern))
    spaced = os.path.join(tmp, 'a b')
    os.mkdir(spaced)
    shutil.copy(dump, spaced)
    expect('blanks', run(as_golden + isf + [as_drive(spaced) + '\\plain.dmp']), 0, golden)
    expect('relative path', run(as_golden + isf + ['a b\\..\\plain.dmp'], cwd=tmp), 0, golden)
    expect('drive without a directory', run(as_golden + isf + ['Z:plain.dmp'], cwd=tmp), 0, golden)
    for options in (['tags', '--format', 'csv'], ['tags', '--format', 'ndjson'], ['tags'], ['poolused'], ['info']):
        code, out, err = run(options + isf + [dump])
        result = os.path.join(tmp, 'lines')
        code2, _, _ = run(options + isf + ['-o', result, dump])
        if code or code2 or open(result, 'rb').read() != out:
            fail('%s: -o and stdout differ' % options)
        if 'csv' in options:  # whose lines end so everywhere
            out = out.replace(b'\r\n', b'')
        if b'\r' in out or '\r' in err:
            fail('%s: carriage returns' % options)


def main():
    tmp = tempfile.mkdtemp(prefix='poolscope-windows-')
    try:
        dump = os.path.join(tmp, 'plain.dmp')
        with gzip.open(name + '.dmp.gz') as f, open(dump, 'wb') as o:
            shutil.copyfileobj(f, o)
        for check in check_sharing, check_unc, check_symbols, check_arguments, check_temporary, check_console:
            t = time.monotonic()
            check(tmp, dump)
            print('%s: %.1f s' % (check.__name__, time.monotonic() - t), flush=True)
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
    sys.exit(failed)


main()
