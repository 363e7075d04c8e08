#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""stores.py POOLSCOPE ROOT mspack|no-mspack: symbol files through the program: every kind of file imported and found
again, every layout of a store, files that do not fit, and the names that a driver's PDB gives to the answers. The PDB
files are builder.py's; which function is where is known here alone."""
import csv
import gzip
import io
import json
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
import uuid

from builder import (Pdb, end, lzx_cabinet, mszip_cabinet, proc32, sections, stored_cabinet, szdd)

EXE, ROOT, HAS_MSPACK = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3] == 'mspack'
DUMP, ISF = (os.path.join(ROOT, 'fixtures', 'verifier-7-x64' + s) for s in ('.dmp.gz', '.isf.json.xz'))
WORK = tempfile.mkdtemp(prefix='poolscope-stores-')
ENV = {k: v for k, v in os.environ.items() if 'SYMBOL_PATH' not in k} | {'XDG_DATA_HOME': os.path.join(WORK, 'data')}
failures = checks = 0


def check(what, condition, detail=''):
    global failures, checks
    checks += 1
    if not condition:
        failures += 1
        print(f'FAIL: {what}: {str(detail)[:600]}')


def run(*args, env=None, cwd=None):
    r = subprocess.run([EXE, *args], capture_output=True, text=True, env=ENV | (env or {}), cwd=cwd)
    return r.returncode, r.stdout, r.stderr


def ask(what, *args, env=None, cwd=None):
    code, out, err = run(*args, '--format', 'json', env=env, cwd=cwd)
    check(what, code == 0, err)
    return json.loads(out) if code == 0 else {}


def refused(what, code_wanted, parts, *args):
    code, out, err = run(*args)
    check(what, code == code_wanted and err.count('\n') == 1 and all(p in err for p in parts), f'exit {code}: {err}{out}')


def put(path, data):
    path = os.path.join(WORK, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    return path


def pdb(guid, age=1, publics=(), procs=(), machine=0x8664, size=0x20000):
    """A PDB of one section at 0x1000. publics: (name, rva); procs: (name, rva, size)."""
    p = Pdb(machine, age=age, info_age=age, guid=uuid.UUID(hex=guid).bytes_le)
    p.slots[5] = p.add_stream(sections(0x1000, size=size))
    for name, rva in publics:
        p.public(name, 1, rva - 0x1000, 2)
    if procs:
        p.module(*(r for name, rva, n in procs for r in (proc32(name, 1, rva - 0x1000, n, False), end())))
    return p.finish(block=1024, seed=3)


def modules(*args, **kw):
    return {m['module']: m for m in ask('symbols', 'symbols', '-q', *args, DUMP, **kw)['modules']}


IDS = {m: (v['pdb_name'], v['pdb_guid'], v['pdb_age']) for m, v in modules('--isf', ISF).items()}
FLT, FLT_GUID, FLT_AGE = IDS['labflt.sys']
NET, NET_GUID, NET_AGE = IDS['labnet.sys']
NT, NT_GUID, NT_AGE = IDS['ntoskrnl.exe']
OTHER = 'F' * 31 + '1'
FLT_PDB = pdb(FLT_GUID, FLT_AGE,
              publics=[('FltPublic', 0x1000), ('?Method@Class@@QEAAXXZ', 0x1080)],
              procs=[('FltAllocateContext', 0x10a4, 0x40), ('FltpStatic', 0x1500, 0x10)])


def state(what, expected, *args, module='labflt.sys', **kw):
    m = modules(*args, **kw)[module]
    for k, v in expected.items():
        check(f'{what}: {k}', m[k] == v if v is None or isinstance(v, str) else all(p in (m[k] or '') for p in v),
              f'{m[k]}, not {v}')
    return m


def import_files():
    store = os.path.join(WORK, 'imported')
    isf = open(ISF, 'rb').read()
    plain = lzma.decompress(isf)
    flt_place = f'{FLT}/{FLT_GUID}{FLT_AGE:X}/{FLT}'
    isf_place = f'windows/{NT}/{NT_GUID}-{NT_AGE}.json'
    known = pdb('5278AFF86C341677D7D7835C85B7B844', 1, publics=[('PoolTrackTable', 0x2000)])
    big_age = pdb(FLT_GUID, 0x1a, publics=[('FltPublic', 0x1000)])
    cases = [
        ('labflt.pdb', FLT_PDB, 'pdb', flt_place),
        ('LabFlt.PDB', pdb(NET_GUID), 'pdb', f'LabFlt.PDB/{NET_GUID}1/LabFlt.PDB'),
        ('whatever.bin', known, 'pdb', 'ntkrnlmp.pdb/5278AFF86C341677D7D7835C85B7B8441/ntkrnlmp.pdb'),
        ('age.pdb', big_age, 'pdb', f'age.pdb/{FLT_GUID}1A/age.pdb'),
        ('x.json', plain, 'isf', isf_place),
        ('x.json.xz', isf, 'isf', isf_place + '.xz'),
        ('named.otherwise', gzip.compress(plain, 1), 'isf', isf_place + '.gz'),
    ]
    if HAS_MSPACK:
        cases += [(f'{kind}.pd_', pack, 'pdb', f'{kind}.pdb/{FLT_GUID}{FLT_AGE:X}/{kind}.pd_') for kind, pack in (
            ('mszip', mszip_cabinet('labflt.pdb', FLT_PDB)), ('lzx', lzx_cabinet('labflt.pdb', FLT_PDB)),
            ('stored', stored_cabinet('labflt.pdb', FLT_PDB)), ('szdd', szdd(FLT_PDB)))]
    for name, data, kind, place in cases:
        path = put(f'import/{name}', data)
        got = ask(f'import {name}', 'symbols', '--store', store, 'import', path)['imported'][0]
        check(f'import {name}', got['kind'] == kind and got['store_path'] == place and not got['was_present'], got)
        copy = os.path.join(store, *place.split('/'))
        check(f'import {name}: the same bytes', os.path.exists(copy) and open(copy, 'rb').read() == data)
        check(f'import {name}: the file given stays', open(path, 'rb').read() == data)
        got = ask(f'import {name} again', 'symbols', '--store', store, 'import', path)['imported'][0]
        check(f'import {name} again', got['was_present'] and got['store_path'] == place, got)
    check('no partial file', not [f for _, _, fs in os.walk(store) for f in fs if 'partial' in f])

    # Another file of that identity: the one there stays.
    path = put('import2/labflt.pdb', FLT_PDB + bytes(1024))
    refused('other content', 3, [flt_place, 'other content'], 'symbols', '--store', store, 'import', path)
    check('other content: untouched', open(os.path.join(store, flt_place), 'rb').read() == FLT_PDB)

    for name, data, parts in (
            ('text.pdb', b'no symbols', ['text.pdb', 'no symbol file']),
            ('empty.pdb', b'', ['empty.pdb', 'no symbol file']),
            ('old.pdb', b'Microsoft C/C++ program database 2.00\r\n\x1aJG\0\0' + bytes(4000), ['old.pdb', '2.00']),
            ('msfz.pdb', b'Microsoft MSFZ Container\r\n\x1aALD\0\0' + bytes(4000), ['msfz.pdb', 'MSFZ', 'convert']),
            ('cut.pdb', FLT_PDB[:3000], ['cut.pdb']),
            ('noname.bin', FLT_PDB, ['noname.bin', '.pdb']),
            ('packed.pdb.gz', gzip.compress(FLT_PDB), ['packed.pdb.gz']),
            ('cut.pd_', mszip_cabinet('x.pdb', FLT_PDB)[:500], ['cut.pd_']),
            ('wrong.json', b'{"a": 1}', ['wrong.json']),
            ('broken.json', plain[:5000], ['broken.json']),
            ('cut.json.xz', isf[:len(isf) // 2], ['cut.json.xz']),
            ('evil.json', plain.replace(NT.encode(), b'../../evil', 1), ['evil.json', 'file name'])):
        refused(f'import {name}', 3, parts, 'symbols', '--store', store, 'import', put(f'import/{name}', data))
    refused('import of nothing', 3, ['absent.pdb'], 'symbols', '--store', store, 'import', os.path.join(WORK, 'absent.pdb'))
    refused('import of a directory', 3, ['import'], 'symbols', '--store', store, 'import', os.path.join(WORK, 'import'))

    # One bad file among good ones: exit 3, and the good ones are there.
    both = os.path.join(WORK, 'both')
    code, out, err = run('symbols', '--store', both, 'import', os.path.join(WORK, 'import', 'text.pdb'),
                         os.path.join(WORK, 'import', 'labflt.pdb'))
    check('a bad and a good file', code == 3 and err.count('\n') == 1 and os.path.exists(os.path.join(both, flt_place)), err)

    # Into the user's own store, where every command finds it.
    ask('import for the user', 'symbols', 'import', os.path.join(WORK, 'import', 'labflt.pdb'))
    m = state('user store', {'state': 'found', 'kind': 'pdb', 'improves': None, 'path': [flt_place, WORK]})
    check('user store', m['path'].startswith(ENV['XDG_DATA_HOME']), m['path'])
    shutil.rmtree(ENV['XDG_DATA_HOME'])


def layouts():
    flt_id, net_id = f'{FLT_GUID}{FLT_AGE:X}', f'{NET_GUID}{NET_AGE:X}'
    net = pdb(NET_GUID, NET_AGE, publics=[('NetPublic', 0x1000)])
    two, three, flat, mixed = (os.path.join(WORK, d) for d in ('two', 'three', 'flat', 'mixed'))
    put('two/index2.txt', '')
    put('two/000Admin/server.txt', '')
    put(f'two/la/{FLT}/{flt_id}/{FLT}', FLT_PDB)
    put('three/pingme.txt', '')
    put(f'three/{FLT}/{flt_id}/{FLT}', FLT_PDB)
    put(f'flat/{FLT}', FLT_PDB)
    put(f'mixed/{FLT.upper()}/{flt_id.lower()}/LABFLT.Pdb', FLT_PDB)
    for d in (two, three, flat, mixed):
        state(os.path.basename(d), {'state': 'found', 'path': [d], 'kind': 'pdb'}, '--symbols', d)
        for path in (f'srv*{d}*https://symbols.example/x', f'"srv*{d}*https://symbols.example/x"', f'cache*{d};srv*',
                     f'symsrv*symsrv.dll*{d}*http://symbols.example', f'C:\\sym;\\\\server\\share;  {d} ;/nowhere',
                     f'srv*/nowhere*{d}*\\\\server\\share*https://symbols.example/x'):
            state(f'{os.path.basename(d)} by {path}', {'state': 'found', 'path': [d]}, env={'_NT_SYMBOL_PATH': path})
    state('relative', {'state': 'found'}, '--symbols', 'three', cwd=WORK)
    # Not below a server's element, nor split at a colon.
    put('co:lon/x', '')
    put(f'co:lon/{FLT}', FLT_PDB)
    state('colon', {'state': 'found', 'path': ['co:lon']}, env={'_NT_SYMBOL_PATH': os.path.join(WORK, 'co:lon')})
    if HAS_MSPACK:
        for kind, packed in (('mszip', mszip_cabinet(FLT, FLT_PDB)), ('szdd', szdd(FLT_PDB))):
            put(f'packed-{kind}/{FLT}/{flt_id}/labflt.pd_', packed)
            state(f'packed, {kind}', {'state': 'found', 'path': ['labflt.pd_']}, '--symbols', os.path.join(WORK, 'packed-' + kind))
    put(f'pointer/{FLT}/{flt_id}/file.ptr', f'PATH:{os.path.join(three, FLT, flt_id, FLT)}')
    state('file.ptr', {'state': 'found', 'path': [three]}, '--symbols', os.path.join(WORK, 'pointer'))
    put(f'away/{FLT}/{flt_id}/file.ptr', 'PATH:\\\\server\\share\\labflt.pdb')
    state('file.ptr elsewhere', {'state': 'not_found', 'detail': ['file.ptr', '\\\\server\\share\\labflt.pdb']},
          '--symbols', os.path.join(WORK, 'away'))
    put(f'message/{FLT}/{flt_id}/file.ptr', 'MSG: excluded from this store')
    state('file.ptr with a message', {'state': 'not_found', 'detail': ['excluded from this store']}, '--symbols',
          os.path.join(WORK, 'message'))

    # Volatility's directories, from each level.
    isf = open(ISF, 'rb').read()
    put(f'vol/symbols/windows/{NT}/{NT_GUID}-{NT_AGE}.json.xz', isf)
    put(f'vol/symbols/windows/{NT}/{OTHER}-{NT_AGE}.json.xz', b'not read')
    for below in ('', 'symbols', 'symbols/windows', f'symbols/windows/{NT}'):
        d = os.path.join(WORK, 'vol', *below.split('/'))
        state(f'Volatility, {below or "top"}', {'state': 'found', 'kind': 'isf', 'path': [f'{NT_GUID}-{NT_AGE}.json.xz']},
              '--symbols', d, module='ntoskrnl.exe')

    # Two files of one name: only what is inside counts.
    wrong = pdb(OTHER, FLT_AGE, publics=[('Wrong', 0x1000)])
    put(f'twins/{FLT}/{flt_id}/{FLT}', FLT_PDB)
    put(f'twins/{FLT}/{OTHER}{FLT_AGE:X}/{FLT}', wrong)
    put(f'flatwrong/{FLT}', wrong)
    twins, flatwrong = os.path.join(WORK, 'twins'), os.path.join(WORK, 'flatwrong')
    state('twins', {'state': 'found', 'path': [twins, flt_id]}, '--symbols', f'{flatwrong};{twins}')
    state('twins, the other order', {'state': 'found', 'path': [twins, flt_id]}, '--symbols', f'{twins};{flatwrong}')
    expected = {'state': 'refused', 'kind': None, 'path': None, 'detail': [FLT_GUID, OTHER, FLT]}
    state('a wrong one alone', expected, '--symbols', flatwrong)
    put(f'liar/{FLT}/{flt_id}/{FLT}', wrong)
    state('a wrong one at the right place', expected, '--symbols', os.path.join(WORK, 'liar'))
    put(f'damaged/{FLT}/{flt_id}/{FLT}', FLT_PDB[:2000])
    state('a damaged one', {'state': 'refused', 'detail': [FLT]}, '--symbols', os.path.join(WORK, 'damaged'))
    put(f'aged/{FLT}/{FLT_GUID}2/{FLT}', pdb(FLT_GUID, 2))
    state('another age', {'state': 'not_found'}, '--symbols', os.path.join(WORK, 'aged'))

    # Named as a file: it must belong to something.
    path = put('named/any.name', FLT_PDB)
    state('a file of a driver', {'state': 'found', 'path': ['any.name']}, '--symbols', path)
    refused('a file of nothing here', 3, [OTHER], 'symbols', '-q', '--symbols', os.path.join(flatwrong, FLT), DUMP)
    path = put(f'named/{NT}', pdb(OTHER, publics=[('PoolTrackTable', 0x2000)]))
    refused('a kernel of another build', 3, [OTHER, NT_GUID], 'tags', '-q', '--symbols', path, DUMP)
    path = put('named/arm64.pdb', pdb(NT_GUID, machine=0xaa64))
    refused('a kernel of another machine', 3, ['0xaa64', '0x8664'], 'tags', '-q', '--symbols', path, DUMP)

    # What is fetched elsewhere, sorted in, is found: the lines of --format urls are the layout of a store.
    code, out, _ = run('symbols', '-q', '--format', 'urls', '--isf', ISF, DUMP)
    lines = out.splitlines()
    check('urls', code == 0 and f'{FLT}/{flt_id}/{FLT}' in lines and f'{NET}/{net_id}/{NET}' in lines, out)
    code, out, _ = run('symbols', '-q', '--format', 'urls', '--server', 'https://symbols.example/x/', '--isf', ISF, DUMP)
    check('urls with a server', out.splitlines() == ['https://symbols.example/x/' + line for line in lines], out)
    code, out, _ = run('symbols', '-q', '--format', 'urls', '--server', 'https://symbols.example/x', '--isf', ISF, DUMP)
    check('urls with a server', out.splitlines() == ['https://symbols.example/x/' + line for line in lines], out)
    put(f'fetched/{NET}/{net_id}/{NET}', net)
    code, out, _ = run('symbols', '-q', '--format', 'urls', '--isf', ISF, '--symbols', os.path.join(WORK, 'fetched'), DUMP)
    check('urls after fetching one', out.splitlines() == [line for line in lines if line != f'{NET}/{net_id}/{NET}'], out)


def formats():
    """One record a module, symbol, field or imported file, each valid; who holds pool comes before who does not."""
    try:
        import jsonschema
        by_id = {}
        for name in 'common', 'symbols':
            with open(os.path.join(ROOT, 'schema', f'poolscope.{name}.schema.json')) as f:
                doc = json.load(f)
            by_id[doc['$id']] = doc
        validator = jsonschema.validators.validator_for(doc)(doc, resolver=jsonschema.RefResolver(doc['$id'], doc, store=by_id))
    except ImportError:
        validator = None

    def records(what, *args):
        code, out, err = run(*args, '--format', 'ndjson')
        check(what, code == 0, err)
        got = [json.loads(line) for line in out.splitlines()]
        for r in got:
            errors = [e.message for e in validator.iter_errors(r)] if validator else []
            check(f'{what}: schema', not errors, errors)
        return got

    def document(what, *args):
        got = ask(what, *args)
        check(f'{what}: schema', not validator or validator.is_valid(got))
        return got

    whole = document('symbols', 'symbols', '-q', '--isf', ISF, DUMP)
    rows = records('symbols', 'symbols', '-q', '--isf', ISF, DUMP)
    check('records', [r['record'] for r in rows] == ['dump'] + ['module'] * len(whole['modules']))
    own = ('schema', 'record', 'dump_id', '@timestamp')
    check('records equal the document', [{k: v for k, v in r.items() if k not in own} for r in rows[1:]] == whole['modules'])
    callers = ask('callers', 'callers', '-q', '--by', 'module', '--isf', ISF, DUMP)
    holders = [r['caller']['module'] for r in callers['rows'] if r['live_count'] and not r['caller']['unloaded']]
    order = [m['module'] for m in whole['modules']]
    loaded = [m for m in holders if m in order]
    check('the kernel, then who holds pool', len(loaded) >= 2 and order[:1 + len(loaded)] == ['ntoskrnl.exe'] + loaded,
          f'{order}, {loaded}')
    for m in whole['modules']:
        verified = m['module'] in [d['name'] for d in callers['drivers'] if d['loaded']]
        check('named in', ('callers' in m['named_in']) >= (m['module'] in loaded) and
              ('verifier' in m['named_in']) == verified, m)
        held = next((r for r in callers['rows'] if r['caller']['module'] == m['module']), None)
        if held and not m['is_kernel']:
            check('what would improve', f"{held['live_count']} blocks of {held['live_bytes']} bytes" in m['improves'], m)
    code, out, _ = run('symbols', '-q', '--format', 'csv', '--isf', ISF, DUMP)
    lines = list(csv.DictReader(io.StringIO(out)))
    check('CSV', code == 0 and [r['module'] for r in lines] == order and
          [r['named_in'] for r in lines] == [','.join(m['named_in']) for m in whole['modules']], out)

    whole = document('profile', 'symbols', '--no-builtin', '--profile', ISF)
    rows = records('profile', 'symbols', '--no-builtin', '--profile', ISF)
    check('records of a profile', [r['record'] for r in rows] ==
          ['kernel'] + ['symbol'] * len(whole['symbols']) + ['field'] * len(whole['fields']))
    check('records of a profile', rows[0]['kernel'] == whole['kernel'] and all(r['pdb_guid'] == NT_GUID for r in rows[1:]))
    check('records of a profile', [r['rva'] for r in rows if r['record'] == 'symbol'] == [r['rva'] for r in whole['symbols']])
    # The values themselves, from the file.
    with lzma.open(ISF) as f:
        table = json.load(f)
    for r in rows[1:]:
        if r['record'] == 'symbol':
            want = table['symbols'].get(r['name'])
            check('symbol', r['rva'] == (want and hex(want['address'])), r)
        elif r['field']:
            want = table['user_types'].get(r['structure'], {}).get('fields', {}).get(r['field'])
            check('field', r['offset'] == (want and hex(want['offset'])), r)

    store = os.path.join(WORK, 'formats')
    flt, bad = put('formats-in/labflt.pdb', FLT_PDB), put('formats-in/bad.pdb', b'x')
    document('import', 'symbols', '--store', store, 'import', flt)
    rows = records('import', 'symbols', '--store', store, 'import', flt, ISF)
    check('records of import', [(r['record'], r['kind'], r['was_present'], r['store']) for r in rows] ==
          [('imported', 'pdb', True, store), ('imported', 'isf', False, store)], rows)
    code, out, err = run('symbols', '--store', store, '--format', 'csv', 'import', bad, flt)
    lines = list(csv.DictReader(io.StringIO(out)))
    check('CSV of import', code == 3 and len(lines) == 1 and lines[0]['pdb_guid'] == FLT_GUID and 'bad.pdb' in err, out)

    # Without symbols: the warning names the PDB and the ISF.
    code, _, err = run('tags', '--no-symbols', '--no-builtin', '--no-walk', DUMP)
    check('the warning names both', any(NT in line and f'{NT_GUID}-{NT_AGE}.json.xz' in line and 'PDB' in line
                                        for line in err.splitlines() if 'No symbols' in line), err)


def names():
    """What callers, sites and block print for addresses in a driver with a PDB."""
    store = os.path.join(WORK, 'names')
    put(f'names/{FLT}/{FLT_GUID}{FLT_AGE:X}/{FLT}', FLT_PDB)
    nt = [('NtPublic', 0x1000), ('?Kernel@@YAXXZ', 0x1400)]
    put(f'names/{NT}/{NT_GUID}{NT_AGE:X}/{NT}', pdb(NT_GUID, NT_AGE, publics=nt))
    want = {0x1085: 'labflt!?Method@Class@@QEAAXXZ+0x5', 0x10a5: 'labflt!FltAllocateContext+0x1',
            0x10c5: 'labflt!FltAllocateContext+0x21', 0x1005: 'labflt!FltPublic+0x5'}
    bare = ask('callers', 'callers', '-q', '--stacks', '--isf', ISF, DUMP)['rows']
    named = ask('callers', 'callers', '-q', '--stacks', '--isf', ISF, '--symbols', store, DUMP)['rows']
    check('callers: as many rows', len(bare) == len(named) > 10)
    n = 0
    for a, b in zip(bare, named):
        c, rva = b['caller'], int(b['caller']['offset'], 16)
        check('callers: figures', {k: v for k, v in a.items() if k not in ('caller', 'stack')} ==
              {k: v for k, v in b.items() if k not in ('caller', 'stack')})
        if c['module'] != 'labflt.sys':
            check('callers: others have no name', c['symbol'] is None, c)
            continue
        if rva in want:
            n += 1
            name, _, offset = want[rva].split('!')[1].rpartition('+')
            check('callers: symbol', (c['symbol'], c['symbol_offset']) == (name, int(offset, 16)), c)
        # Behind the end of a private function and before the next: nothing is claimed.
        if 0x10e4 < rva < 0x1500:
            check('callers: between functions', c['symbol'] is None, c)
        for frame, plain in zip(b['stack'] or [], a['stack'] or []):
            rva = int(plain.split('+')[1], 16)
            if plain.startswith('labflt+') and rva in want:
                check('callers: stack', frame == want[rva], frame)
            if plain == 'nt+0x1010':
                check('callers: stack in the kernel', frame == 'nt!NtPublic+0x10', frame)
    check('callers: known addresses', n >= 2, n)
    code, out, _ = run('callers', '-q', '--isf', ISF, '--symbols', store, DUMP)
    check('callers: table', 'labflt!FltAllocateContext+0x21' in out, out)
    code, out, _ = run('callers', '-q', '--by', 'function', '--isf', ISF, '--symbols', store, DUMP)
    check('callers: by function', any(line.startswith('labflt!FltPublic ') for line in out.splitlines()), out)
    code, out, _ = run('callers', '-q', '--no-symbols', '--symbols', store, DUMP)
    check('callers: --no-symbols', '!' not in out, out)

    sites = ask('sites', 'sites', '-q', '--isf', ISF, '--symbols', store, DUMP)['rows']
    functions = {int(r['function_rva'], 16): r['function'] for r in sites if r['module'] == 'labflt.sys'}
    if sites or 'without sites' not in run('--version')[1]:
        check('sites: names', functions.get(0x1000) == 'FltPublic', functions)
        check('sites: no name', all(r['function'] is None for r in sites if r['module'] == 'labnet.sys'))

    # A block that holds pointers: written into the dump, below a header that occurs once.
    data = bytearray(gzip.decompress(open(DUMP, 'rb').read()))
    rows = ask('blocks', 'blocks', '-q', '--pool', 'nonpaged', '--isf', ISF, DUMP)['rows']
    base = next(int(m['base'], 16) for m in modules('--isf', ISF).values() if m['module'] == 'labflt.sys')
    for row in (r for r in rows if r['kind'] == 'legacy' and r['state'] == 'allocated' and r['size_bytes'] >= 64):
        view = ask('block', 'block', '-q', '--dump-bytes', '64', '--isf', ISF, row['va'], DUMP)['block']
        head = bytes.fromhex(view['header_hex'])
        at = data.find(head)
        if at >= 0 and data.find(head, at + 1) < 0:
            break
    else:
        return check('block: a header that occurs once', False)
    at += len(head)
    data[at:at + 24] = b''.join((base + rva).to_bytes(8, 'little') for rva in (0x10c5, 0x1080, 0x1501))
    path = put('pointers.dmp', bytes(data))
    got = ask('block', 'block', '-q', '--isf', ISF, '--symbols', store, row['va'], path)['block']
    check('block', [p['symbol'] for p in got['pointers'][:3]] ==
          ['labflt!FltAllocateContext+0x21', 'labflt!?Method@Class@@QEAAXXZ', 'labflt!FltpStatic+0x1'], got.get('pointers'))
    code, out, _ = run('block', '-q', '--isf', ISF, '--symbols', store, row['va'], path)
    check('block: table', 'labflt!FltAllocateContext+0x21' in out, out)


try:
    import_files()
    layouts()
    formats()
    names()
finally:
    shutil.rmtree(WORK)
print(f'{checks} checks, {failures} failed')
sys.exit(1 if failures else 0)
