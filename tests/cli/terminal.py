#!/usr/bin/env python3
"""terminal.py POOLSCOPE ROOT: what differs on a terminal: progress, pager, colours, widths, units."""
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import fcntl

try:
    for fd in pty.openpty():
        os.close(fd)
except OSError as e:
    print('skipped: no pseudo-terminal here (%s)' % e)
    sys.exit(77)
exe, root = os.path.abspath(sys.argv[1]), sys.argv[2]
dump = os.path.join(root, 'fixtures', 'ntfc-11-x64.dmp.gz')
failed = False


def fail(text):
    global failed
    failed = True
    print('FAIL: ' + text)


def run(args, columns=120, env=None, stderr_to=None):
    """On a terminal of so many columns. Returns what it showed, and the exit code."""
    full = {k: v for k, v in os.environ.items() if k not in ('NO_COLOR', 'PAGER', 'LESS', 'COLUMNS')}
    full.update({'TERM': 'xterm', 'PAGER': ''})
    full.update(env or {})
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 50, columns, 0, 0))
    p = subprocess.Popen([exe] + args, stdin=slave, stdout=slave, stderr=stderr_to or slave, env=full,
                         start_new_session=True)
    os.close(slave)
    out = b''
    while True:
        ready, _, _ = select.select([master], [], [], 60)
        if not ready:
            p.kill()
            fail('%s: nothing for a minute' % args)
            break
        try:
            data = os.read(master, 65536)
        except OSError:  # EIO: the other side is closed
            break
        if not data:
            break
        out += data
    os.close(master)
    return out.decode(errors='replace').replace('\r\n', '\n'), p.wait()


def plain(text):
    """Without what was erased again, and without colours."""
    return re.sub(r'\033\[[0-9;]*m', '', re.sub(r'[^\n]*\r\033\[K', '', text))


def table_of(text):
    """The lines of the table: from its heading to the first empty line."""
    lines = plain(text).split('\n')
    start = next((i for i, l in enumerate(lines) if l.startswith('Tag ')), None)
    if start is None:
        fail('no table in %r' % text[:300])
        return []
    end = next((i for i in range(start, len(lines)) if lines[i] == ''), len(lines))
    return lines[start:end]


# Width: every line of the table fits, what is left out is named, and a wide terminal shows all.
for columns in 60, 80, 120, 250:
    out, code = run(['tags', '--no-progress', dump], columns)
    table = table_of(out)
    if code != 0:
        fail('tags on %d columns: exit code %d' % (columns, code))
    for line in table:
        if len(line) > columns:
            fail('%d columns: a line of %d: %r' % (columns, len(line), line))
    left_out = 'left out for the width: ' in out
    if left_out != (columns < 250):
        fail('%d columns: "left out" is %s' % (columns, left_out))
    if columns == 250 and 'Difference' not in table[0]:
        fail('250 columns: not all columns are there: %r' % table[0])
    if len(table) != 21:
        fail('%d rows on a terminal, not 20' % (len(table) - 1))
out, code = run(['tags', '--no-progress', '--width', '0', dump], 60)
if 'left out' in out or 'Difference' not in out:
    fail('--width 0 leaves columns out')

# The cut: texts end in an ellipsis, and numbers are never cut.
out, code = run(['symbols', '--no-progress', dump], 100)
for line in out.split('\n'):
    if 'labflt' in line and '…' in line:
        break
else:
    fail('symbols on 100 columns: no text is cut: %r' % out[:600])

# Units: on a terminal for people, elsewhere exact; the options turn it round.
unit = re.compile(r'[0-9.]+ [KMG]iB')
for args, human in (([], True), (['--bytes'], False)):
    out, code = run(['tags', '--no-progress', '-n', '3'] + args + [dump])
    rows = '\n'.join(table_of(out)[1:])
    if bool(unit.search(rows)) != human:
        fail('tags %s on a terminal: %s' % (args, rows))
for args, human in (([], False), (['--human'], True)):
    p = subprocess.run([exe, 'tags', '-n', '3'] + args + [dump], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    rows = '\n'.join(table_of(p.stdout.decode())[1:])
    if bool(unit.search(rows)) != human:
        fail('tags %s in a pipe: %s' % (args, rows))
    if b'\033' in p.stdout:
        fail('colours in a pipe')

# Colours.
for args, env, colored in (([], {}, True), ([], {'NO_COLOR': '1'}, False), ([], {'NO_COLOR': ''}, True),
                           ([], {'TERM': 'dumb'}, False), (['--no-color'], {}, False),
                           (['--color=never'], {}, False), (['--color', 'always'], {'NO_COLOR': '1'}, True)):
    out, code = run(['tags', '--no-progress', '-n', '3'] + args + [dump], env=env)
    if ('\033[1m' in out) != colored:
        fail('tags %s with %s: colours are %s' % (args, env, not colored))
p = subprocess.run([exe, 'tags', '-n', '1', '--color=always', dump], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
if b'\033[36m' not in p.stdout:
    fail('--color=always: no colours in a pipe')
for fmt in 'json', 'csv', 'ndjson':
    out, code = run(['tags', '--no-progress', '-q', '--format', fmt, dump], env={'PAGER': 'sed s/^/P:/'})
    if '\033' in out or 'P:' in out:
        fail('%s on a terminal: colours or a pager' % fmt)

# Pager: what it was given, then the messages.
out, code = run(['tags', '-n', '3', dump], env={'PAGER': 'sed s/^/P:/'})
lines = plain(out).split('\n')
if not any(l.startswith('P:') and 'Tag ' in l for l in lines) or code != 0:
    fail('the pager was not given the table: %r' % out[:400])
last = [i for i, l in enumerate(lines) if l.startswith('P:')][-1:]
more = [i for i, l in enumerate(lines) if 'more rows' in l]
if not more or not last or more[0] < last[0]:
    fail('messages do not follow after the pager: %r' % lines[-4:])
for args, env in ((['--no-pager'], {'PAGER': 'sed s/^/P:/'}), ([], {'PAGER': 'cat'})):
    out, code = run(['tags', '-n', '3'] + args + [dump], env=env)
    if 'P:' in out or 'Tag ' not in plain(out):
        fail('tags %s with %s: %r' % (args, env, out[:300]))
out, code = run(['tags', '-n', '3', dump], env={'PAGER': 'true'})
if code != 0:
    fail('a pager that reads nothing: exit code %d' % code)

# less shows colours as text unless it is told; a pager that is not there takes nothing away.
show = 'sed "s/^/P:$LESS:/"'
for less, colored in ((None, True), ('iR', True), ('i', False)):
    out, code = run(['tags', '-q', '-n', '3', dump], env={'PAGER': show, **({'LESS': less} if less else {})})
    if ('P:%s:' % (less or 'FRX')) not in out or ('\033[1m' in out) != colored:
        fail('pager with LESS=%s: %r' % (less, out[:300]))
for pager in '/nonexistent/pager -x', 'no-such-pager':
    out, code = run(['tags', '-q', '-n', '3', dump], env={'PAGER': pager})
    if 'Tag ' not in plain(out) or code != 0:
        fail('%s: %r' % (pager, out[:300]))

# Progress: a bar that is erased; none with --quiet, --no-progress, or when stderr is no terminal.
bar = re.compile(r'\runpacking +\[[= ]+\] +\d+%  [0-9.]+ [KM]iB of [0-9.]+ [KM]iB')
out, code = run(['info', dump])
if not bar.search(out) or '\r\033[K' not in out:
    fail('no bar, or it stays: %r' % out[:300])
for args, to in ((['-q'], None), (['--no-progress'], None), ([], subprocess.DEVNULL)):
    out, code = run(['info'] + args + [dump], stderr_to=to)
    if '%' in out.split('Dump')[0] or '\r\033[K' in out:
        fail('info %s: a bar: %r' % (args, out[:300]))
sys.exit(1 if failed else 0)
