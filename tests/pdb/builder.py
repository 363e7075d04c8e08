# SPDX-License-Identifier: MIT
"""Writes PDB files for the tests, from the published descriptions of the format; shares nothing with src/."""
import random
import struct

MAGIC = b'Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0'
ABSENT = None


def u16(v):
    return struct.pack('<H', v)


def u32(v):
    return struct.pack('<I', v & 0xffffffff)


def msf(streams, block=4096, seed=None, n_blocks=None):
    """The file. streams: bytes, or ABSENT. seed scatters all blocks over the file."""
    count = lambda n: -(-n // block)
    directory_bytes = 4 + 4 * len(streams) + 4 * sum(count(len(s)) for s in streams if s)
    n_directory = count(directory_bytes)
    n_map = count(4 * n_directory)
    total = 3 + n_map + n_directory + sum(count(len(s)) for s in streams if s)
    free = list(range(3, total))
    if seed is not None:
        random.Random(seed).shuffle(free)
    file = bytearray(total * block)

    def place(data):
        numbers = [free.pop(0) for _ in range(count(len(data)))]
        for i, n in enumerate(numbers):
            piece = data[i * block:(i + 1) * block]
            file[n * block:n * block + len(piece)] = piece
        return numbers

    listed = [place(s) if s else [] for s in streams]
    directory = u32(len(streams)) + b''.join(u32(0xffffffff if s is ABSENT else len(s)) for s in streams)
    directory += b''.join(u32(n) for numbers in listed for n in numbers)
    directory_blocks = place(directory)
    map_blocks = place(b''.join(u32(n) for n in directory_blocks))
    file[:32] = MAGIC
    file[32:56] = struct.pack('<6I', block, 1, n_blocks or total, directory_bytes, 0, map_blocks[0])
    file[52:52 + 4 * n_map] = b''.join(u32(n) for n in map_blocks)
    return bytes(file)


GUID = bytes(range(0x10, 0x20))
GUID_TEXT = '13121110151417161819 1A1B1C1D1E1F'.replace(' ', '')


def info(age=1, version=20000404, features=(20140508,), guid=GUID):
    names = u32(0) + u32(0) + u32(1) + u32(0) + u32(0)  # an empty map of named streams
    return u32(version) + u32(0x5f000000) + u32(age) + guid + names + b''.join(u32(f) for f in features)


# ---- types

def number(v):
    """The shortest numeric leaf."""
    if 0 <= v < 0x8000:
        return u16(v)
    for leaf, form, low, high in ((0x8000, 'b', -0x80, 0x7f), (0x8001, 'h', -0x8000, 0x7fff), (0x8002, 'H', 0, 0xffff),
                                  (0x8003, 'i', -2**31, 2**31 - 1), (0x8004, 'I', 0, 2**32 - 1),
                                  (0x8009, 'q', -2**63, 2**63 - 1), (0x800a, 'Q', 0, 2**64 - 1)):
        if low <= v <= high:
            return u16(leaf) + struct.pack('<' + form, v)
    raise ValueError(v)


def text(s):
    return s.encode() + b'\0'


def counted(s):
    return bytes([len(s)]) + s.encode()


def pad(data):
    """Padding bytes say how many are left to the next multiple of four."""
    n = -len(data) % 4
    return data + bytes(0xf0 + i for i in range(n, 0, -1))


class Tpi:
    def __init__(self, first=0x1000, version=20040203):
        self.first, self.version, self.records = first, version, []

    @property
    def next(self):
        return self.first + len(self.records)

    def add(self, leaf, data):
        body = pad(u16(leaf) + data)
        self.records.append(u16(len(body)) + body)
        return self.next - 1

    def fields(self, *items):
        return self.add(0x1203, b''.join(pad(i) for i in items))

    def _named(self, name, unique):
        return text(name) + (text(unique) if unique else b'')

    def struct(self, name, fields, size, n=0, unique=None, leaf=0x1505, prop=0):
        prop |= 0x200 if unique else 0
        return self.add(leaf, u16(n) + u16(prop) + u32(fields) + u32(0) + u32(0) + size_of(size) +
                        self._named(name, unique))

    def forward(self, name, unique=None, leaf=0x1505):
        if leaf == 0x1506:
            return self.union(name, 0, 0, unique=unique, prop=0x80)
        return self.struct(name, 0, 0, unique=unique, leaf=leaf, prop=0x80)

    def union(self, name, fields, size, unique=None, prop=0):
        prop |= 0x200 if unique else 0
        return self.add(0x1506, u16(0) + u16(prop) + u32(fields) + size_of(size) + self._named(name, unique))

    def long_struct(self, name, fields, size, unique=None, prop=0):
        prop |= 0x200 if unique else 0
        return self.add(0x1609, u32(prop) + u32(fields) + u32(0) + u32(0) + u16(1) + size_of(size) +
                        self._named(name, unique))

    def enum(self, name, underlying, fields):
        return self.add(0x1507, u16(0) + u16(0) + u32(underlying) + u32(fields) + text(name))

    def array(self, element, size):
        return self.add(0x1503, u32(element) + u32(0x22) + size_of(size) + text(''))

    def pointer(self, target, size=8):
        return self.add(0x1002, u32(target) + u32((0x0c if size == 8 else 0x0a) | size << 13))

    def modifier(self, target):
        return self.add(0x1001, u32(target) + u16(1))

    def bits(self, base, length, position):
        return self.add(0x1205, u32(base) + bytes([length, position]))

    def stream(self, n_promised=None):
        data = b''.join(self.records)
        end = self.first + (len(self.records) if n_promised is None else n_promised)
        return (u32(self.version) + u32(56) + u32(self.first) + u32(end) + u32(len(data)) + u16(0xffff) + u16(0xffff) +
                u32(4) + u32(0x3ffff) + bytes(24) + data)


def size_of(v):
    return v if isinstance(v, bytes) else number(v)


def member(name, ti, offset):
    return u16(0x150d) + u16(3) + u32(ti) + size_of(offset) + text(name)


def base(ti, offset):
    return u16(0x1400) + u16(3) + u32(ti) + size_of(offset)


def enumerate_(name, value):
    return u16(0x1502) + u16(3) + size_of(value) + text(name)


def index(ti):
    return u16(0x1404) + u16(0) + u32(ti)


# ---- symbols

def symbol(kind, data):
    body = u16(kind) + data
    body += bytes(-(len(body) + 2) % 4)
    return u16(len(body)) + body


def public(name, segment, offset, flags=0):
    return symbol(0x110e, u32(flags) + u32(offset) + u16(segment) + text(name))


def data32(name, segment, offset, ti=0x22, is_global=True):
    return symbol(0x110d if is_global else 0x110c, u32(ti) + u32(offset) + u16(segment) + text(name))


def procref(name, module, offset, is_global=True):
    return symbol(0x1125 if is_global else 0x1127, u32(0) + u32(offset) + u16(module) + text(name))


def proc32(name, segment, offset, size, is_global=True):
    return symbol(0x1110 if is_global else 0x110f, bytes(12) + u32(size) + bytes(8) + u32(0x1000) + u32(offset) +
                  u16(segment) + b'\0' + text(name))


def end():
    return symbol(6, b'')


def hash_name(name):
    data, h = name.encode(), 0
    while len(data) >= 4:
        h ^= struct.unpack('<I', data[:4])[0]
        data = data[4:]
    if len(data) >= 2:
        h ^= struct.unpack('<H', data[:2])[0]
        data = data[2:]
    if data:
        h ^= data[0]
    h |= 0x20202020
    h ^= h >> 11
    h ^= h >> 16
    return h % 4096


def gsi(entries):
    """entries: (name, offset in the record stream)."""
    buckets = {}
    for name, offset in entries:
        buckets.setdefault(hash_name(name), []).append(offset)
    records, starts, bitmap = b'', b'', bytearray(516)
    for b in sorted(buckets):
        starts += u32(len(records) // 8 * 12)
        bitmap[b // 8] |= 1 << b % 8
        for offset in buckets[b]:
            records += u32(offset + 1) + u32(1)
    return u32(0xffffffff) + u32(0xf12f091a) + u32(len(records)) + u32(len(bitmap) + len(starts)) + records + \
        bytes(bitmap) + starts


def sections(*rvas, size=0x1000):
    return b''.join(b'.sec%d\0\0\0' % i + struct.pack('<4I', size, rva, size, 0x400) + bytes(16)
                    for i, rva in enumerate(rvas))


def module(name, stream, symbol_bytes):
    data = bytes(34) + u16(stream) + u32(symbol_bytes) + bytes(24) + text(name) + text(name)
    return data + bytes(-len(data) % 4)


def dbi(gsi_stream=0xffff, psgsi_stream=0xffff, record_stream=0xffff, modules=b'', optional=(), age=1, machine=0x8664,
        version=19990903, filler=b''):
    header = struct.pack('<iII6H', -1, version, age, gsi_stream, 0x8e1d, psgsi_stream, 0, record_stream, 0)
    slots = b''.join(u16(s) for s in optional)
    header += struct.pack('<5iIii', len(modules), len(filler), 0, 0, 0, 0, len(slots), 0)
    header += struct.pack('<HHI', 0, machine, 0)
    assert len(header) == 64
    return header + modules + filler + slots


class Pdb:
    """Streams by number, with what is usual in the first ones."""

    def __init__(self, machine=0x8664, age=1, info_age=1, guid=GUID):
        self.machine, self.age = machine, age
        self.streams = [b'', info(info_age, guid=guid), Tpi().stream(), b'', b'']
        self.slots = [0xffff] * 11
        self.records, self.publics, self.globals_, self.modules = bytearray(), [], [], []
        self.has_hash = True

    def add_stream(self, data):
        self.streams.append(data)
        return len(self.streams) - 1

    def public(self, name, segment, offset, flags=0):
        self.publics.append((name, len(self.records)))
        self.records += public(name, segment, offset, flags)

    def globl(self, name, record):
        self.globals_.append((name, len(self.records)))
        self.records += record

    def module(self, *records):
        data = u32(4) + b''.join(records)
        stream = self.add_stream(data)
        self.modules.append(module('m%d.obj' % len(self.modules), stream, len(data)))
        return len(self.modules)

    def finish(self, **options):
        record_stream = self.add_stream(bytes(self.records))
        gsi_stream = psgsi_stream = 0xffff
        if self.has_hash:
            gsi_stream = self.add_stream(gsi(self.globals_))
            table = gsi(self.publics)
            psgsi_stream = self.add_stream(struct.pack('<4IHHII', len(table), 0, 0, 0, 0, 0, 0, 0) + table)
        self.streams[3] = dbi(gsi_stream, psgsi_stream, record_stream, b''.join(self.modules), self.slots, self.age,
                              self.machine)
        return msf(self.streams, **options)


# ---- cabinets

def checksum(data, seed):
    whole = len(data) // 4 * 4
    for (v,) in struct.iter_unpack('<I', data[:whole]):
        seed ^= v
    return seed ^ int.from_bytes(data[whole:], 'big')


def cabinet(name, size, kind, blocks):
    """blocks: (packed, plain size)."""
    data = b''.join(struct.pack('<IHH', checksum(struct.pack('<HH', len(p), n), checksum(p, 0)), len(p), n) + p
                    for p, n in blocks)
    first_file = 36 + 8
    file = struct.pack('<IIHHHH', size, 0, 0, 0x5000, 0, 0x20) + text(name)
    first_data = first_file + len(file)
    folder = struct.pack('<IHH', first_data, len(blocks), kind)
    total = first_data + len(data)
    header = b'MSCF' + struct.pack('<5I', 0, total, 0, first_file, 0)[:20] + bytes([3, 1]) + \
        struct.pack('<5H', 1, 1, 0, 0, 0)
    return header + folder + file + data


def mszip_cabinet(name, data):
    import zlib
    blocks = []
    for at in range(0, len(data), 32768):
        piece = data[at:at + 32768]
        c = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=data[max(0, at - 32768):at]) if at else \
            zlib.compressobj(9, zlib.DEFLATED, -15)
        blocks.append((b'CK' + c.compress(piece) + c.flush(), len(piece)))
    return cabinet(name, len(data), 1, blocks)


def lzx_cabinet(name, data):
    """Every frame holds one uncompressed block: 3 bits of kind, 24 of size, three recent offsets, the bytes."""
    blocks = []
    for at in range(0, len(data), 32768):
        piece = data[at:at + 32768]
        bits = ('0' if at == 0 else '') + format(3, '03b') + format(len(piece), '024b')
        bits += '0' * (-len(bits) % 16)
        head = b''.join(u16(int(bits[i:i + 16], 2)) for i in range(0, len(bits), 16))
        blocks.append((head + u32(1) * 3 + piece + bytes(len(piece) % 2), len(piece)))
    return cabinet(name, len(data), 0x1503, blocks)


def szdd(data, missing='b'):
    """COMPRESS.EXE's format: eight items under a byte of flags, here literals, and copies for runs of zeroes."""
    out, at, ring = bytearray(), 0, 4096 - 16
    while at < len(data):
        flags, items = 0, b''
        for bit in range(8):
            if at >= len(data):
                break
            run = 0
            while run < 18 and at + run < len(data) and data[at + run] == 0 and at > 32 and not any(data[at - 18:at]):
                run += 1
            if run >= 3:  # the 18 bytes before are zeroes: copy from there
                place = (ring - 18) % 4096
                items += bytes([place & 0xff, (place >> 4 & 0xf0) | (run - 3)])
                at, ring = at + run, (ring + run) % 4096
            else:
                flags |= 1 << bit
                items += data[at:at + 1]
                at, ring = at + 1, (ring + 1) % 4096
        out += bytes([flags]) + items
    return b'SZDD\x88\xf0\x27\x33A' + missing.encode() + u32(len(data)) + bytes(out)


def stored_cabinet(name, data):
    return cabinet(name, len(data), 0, [(data[i:i + 32768], len(data[i:i + 32768])) for i in range(0, len(data), 32768)])
