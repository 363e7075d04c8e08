#!/usr/bin/env python3
"""Writers of containers that are compressed or come in several files, from a raw image of a lab machine.

Independent of src/: layouts from reference/dumps.md 17 and 18; LZO, snappy and zstd are the systems' own libraries.
"""
import ctypes
import ctypes.util
import functools
import mmap
import os
import struct
import zlib

PAGE = 4096


def library(name):
    path = ctypes.util.find_library(name)
    return ctypes.CDLL(path) if path else None


def pack_zlib(page):
    return zlib.compress(page, 6)


def pack_lzo(page):
    lib = library('lzo2')
    work, out, n = ctypes.create_string_buffer(1 << 17), ctypes.create_string_buffer(2 * len(page)), ctypes.c_size_t(0)
    if lib.lzo1x_1_compress(page, ctypes.c_size_t(len(page)), out, ctypes.byref(n), work) != 0:
        raise RuntimeError('lzo1x_1_compress')
    return out.raw[:n.value]


def pack_snappy(page):
    lib = library('snappy')
    out, n = ctypes.create_string_buffer(2 * len(page)), ctypes.c_size_t(2 * len(page))
    if lib.snappy_compress(page, ctypes.c_size_t(len(page)), out, ctypes.byref(n)) != 0:
        raise RuntimeError('snappy_compress')
    return out.raw[:n.value]


def pack_zstd(page):
    lib = library('zstd')
    lib.ZSTD_compress.restype = ctypes.c_size_t
    out = ctypes.create_string_buffer(2 * len(page))
    n = lib.ZSTD_compress(out, ctypes.c_size_t(2 * len(page)), page, ctypes.c_size_t(len(page)), 3)
    return out.raw[:n]


METHODS = {'zlib': (1, pack_zlib, None), 'lzo': (2, pack_lzo, 'lzo2'), 'snappy': (4, pack_snappy, 'snappy'),
           'zstd': (0x20, pack_zstd, 'zstd')}


def has_method(name):
    return METHODS[name][2] is None or library(METHODS[name][2]) is not None


def read_pages(raw):
    with open(raw, 'rb') as f:
        data = f.read()
    return [data[i:i + PAGE] for i in range(0, len(data), PAGE)]


def cpu_note(dtb):
    """As QEMU writes it: the registers of an x86 processor; without dtb only the status of one on ARM64."""
    if dtb is None:
        return struct.pack('<III', 5, 392, 1) + b'CORE\0\0\0\0' + bytes(392)
    state = bytearray(0x1b8)
    struct.pack_into('<I', state, 4, len(state))
    struct.pack_into('<Q', state, 0x1a0, dtb)
    return struct.pack('<III', 5, len(state), 0) + b'QEMU\0\0\0\0' + bytes(state)


def block_bytes(dtb):
    return PAGE * 16 if dtb is None else PAGE


def write_kdump(f, pages, n_blocks, method, dtb, lo, hi, split, narrow):
    """One file of a kdump-compressed dump, header version 6, with the blocks [lo, hi) of a raw image. narrow: the
    producer's words have 32 bits. Blocks are pages, but of 64 KiB where QEMU saves an ARM64 machine."""
    flag, pack, _ = METHODS[method]
    block = block_bytes(dtb)
    half = -(-n_blocks // (8 * block))
    note = cpu_note(dtb)
    head = bytearray(block * 2)
    head[0:8] = b'KDUMP   '
    struct.pack_into('<I', head, 8, 6)
    machine = b'aarch64' if dtb is None else b'i686' if narrow else b'x86_64'
    for i, text in enumerate([b'Linux', b'lab', b'1', b'1', machine, b'lab']):
        head[12 + 65 * i:12 + 65 * i + len(text)] = text
    at = 0x1a0 if narrow else 0x1ac
    struct.pack_into('<IIIIII', head, at, block, 1, 2 * half, min(n_blocks, 0xffffffff), 0, 0)
    struct.pack_into('<I', head, at + 0x20, 1)
    sub = block
    note_off = block + 0x800
    if narrow:
        struct.pack_into('<IIII', head, sub + 4, 1, 1 if split else 0, lo, hi)
        struct.pack_into('<QI', head, sub + 0x20, note_off, len(note))
        struct.pack_into('<QQQ', head, sub + 0x38, lo, hi, n_blocks)
    else:
        struct.pack_into('<II', head, sub + 8, 1, 1 if split else 0)
        struct.pack_into('<QQ', head, sub + 0x10, lo, hi)
        struct.pack_into('<QQ', head, sub + 0x30, note_off, len(note))
        struct.pack_into('<QQQ', head, sub + 0x50, lo, hi, n_blocks)
    head[note_off:note_off + len(note)] = note
    bitmap = bytearray(half * block)
    bitmap[:n_blocks // 8] = bytes([0xff]) * (n_blocks // 8)
    if n_blocks % 8:
        bitmap[n_blocks // 8] = (1 << n_blocks % 8) - 1
    f.write(bytes(head) + bytes(bitmap) * 2)
    descriptors_at = f.tell()
    at = descriptors_at + 24 * (hi - lo)
    f.seek(at)
    descriptors, zero, shared = bytearray(), bytes(block), None
    for i in range(lo, hi):
        page = pages[i * block:(i + 1) * block].ljust(block, b'\0')
        if page == zero and shared:
            descriptors += shared
            continue
        packed, how = pack(page), flag
        if len(packed) >= block:
            packed, how = page, 0
        d = struct.pack('<QIIQ', at, len(packed), how, 0)
        if page == zero:
            shared = d
        descriptors += d
        f.write(packed)
        at += len(packed)
    f.seek(descriptors_at)
    f.write(descriptors)


def kdump(raw, paths, method, dtb, narrow=False):
    """One file, or several that split the pages among them. dtb: None on ARM64."""
    n = len(paths)
    with open(raw, 'rb') as r, mmap.mmap(r.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        n_blocks = -(-len(pages) // block_bytes(dtb))
        for k, path in enumerate(paths):
            with open(path, 'wb') as f:
                write_kdump(f, pages, n_blocks, method, dtb, n_blocks * k // n, n_blocks * (k + 1) // n, n > 1,
                            narrow)


def flatten(path, out):
    """The flattened form, its records out of order, the first written twice as makedumpfile does."""
    with open(path, 'rb') as f:
        data = f.read()
    step = 70001
    records = [(i, data[i:i + step]) for i in range(0, len(data), step)]
    records = [(0, bytes(512))] + records[1::2] + records[0::2]
    with open(out, 'wb') as f:
        f.write((b'makedumpfile'.ljust(16, b'\0') + struct.pack('>QQ', 1, 1)).ljust(PAGE, b'\0'))
        for at, part in records:
            f.write(struct.pack('>qq', at, len(part)) + part)
        f.write(struct.pack('>qq', -1, -1))


def vm_tag(name, index, data):
    flags = len(index) << 6 | len(data)
    return bytes([flags, len(name)]) + name + b''.join(struct.pack('<I', i) for i in index) + data


def vm_state(dtb, regions, memory=None):
    """A VMware state file: groups of tags; regions are (first page, page in the file, pages). dtb: None on ARM64."""
    cpu = b'\0\0'
    if dtb is not None:
        cpu = vm_tag(b'CR', [0, 0], struct.pack('<I', 0x80050031)) + vm_tag(b'CR', [0, 3], struct.pack('<I', dtb)) + cpu
    mem = vm_tag(b'regionsCount', [], struct.pack('<I', len(regions)))
    for i, (ppn, page, n) in enumerate(regions):
        mem += vm_tag(b'regionPPN', [i], struct.pack('<I', ppn))
        mem += vm_tag(b'regionPageNum', [i], struct.pack('<I', page))
        mem += vm_tag(b'regionSize', [i], struct.pack('<I', n))
    groups = [(b'Checkpoint', vm_tag(b'fileversion', [], struct.pack('<I', 8)) + b'\0\0'), (b'cpu', cpu)]
    at = 12 + 80 * (len(groups) + 1)
    head, body = struct.pack('<III', 0xbed2bed2, 8, len(groups) + 1), b''
    for name, data in groups:
        head += struct.pack('<64sQQ', name, at, len(data))
        body += data
        at += len(data)
    if memory is not None:
        pad = 123
        mem += bytes([2 << 6 | 62, 6]) + b'Memory' + struct.pack('<II', 0, 0)
        mem += struct.pack('<QQH', len(memory), len(memory), pad) + bytes(pad) + memory
    mem += b'\0\0'
    head += struct.pack('<64sQQ', b'memory', at, len(mem))
    return head + body + mem


def vmware(raw, stem, dtb, inside):
    """stem.vmem with stem.vmss, its halves swapped in the file; or stem.vmsn with everything inside."""
    with open(raw, 'rb') as f:
        data = f.read()
    n = len(data) // PAGE
    half = n // 2
    swapped = data[half * PAGE:] + data[:half * PAGE]
    regions = [(0, n - half, half), (half, 0, n - half)]
    if inside:
        with open(stem + '.vmsn', 'wb') as f:
            f.write(vm_state(dtb, regions, swapped))
        return stem + '.vmsn'
    with open(stem + '.vmem', 'wb') as f:
        f.write(swapped)
    with open(stem + '.vmss', 'wb') as f:
        f.write(vm_state(dtb, regions))
    return stem + '.vmem'


def find_match(data, at, seen, window, most=1 << 16):
    """A match of at least 3 bytes that a table of earlier triples knows: (distance, length)."""
    key = data[at:at + 3]
    back = seen.get(key, -1)
    seen[key] = at
    if back < 0 or at - back > window or len(key) < 3:
        return 0, 0
    n, end = 3, min(most, len(data) - at)
    while n < end:
        step = min(256, end - n)
        old, new = data[back + n:back + n + step], data[at + n:at + n + step]
        if old != new:
            return at - back, n + next(i for i in range(step) if old[i] != new[i])
        n += step
    return at - back, n


@functools.lru_cache(maxsize=None)
def pack_lz77(data):
    """Plain Xpress: flag words, literals, matches with their lengths in nibbles, bytes and words."""
    out, seen = bytearray(4), {}
    flags_at, flags, n_flags, nibble, at = 0, 0, 0, None, 0
    while at < len(data):
        distance, n = find_match(data, at, seen, 8192)
        if n == 0:
            out.append(data[at])
            at += 1
        else:
            at += n
            n -= 3
            out += struct.pack('<H', distance - 1 << 3 | min(n, 7))
            if n >= 7:
                low = min(n - 7, 15)
                if nibble is None:
                    nibble = len(out)
                    out.append(low)
                else:
                    out[nibble] |= low << 4
                    nibble = None
                if low == 15:
                    if n - 22 < 255:
                        out.append(n - 22)
                    else:
                        out += b'\xff' + (struct.pack('<H', n) if n < 65536 else struct.pack('<HI', 0, n))
        flags = flags << 1 | (1 if distance else 0)
        n_flags += 1
        if n_flags == 32:
            struct.pack_into('<I', out, flags_at, flags)
            flags_at, flags, n_flags = len(out), 0, 0
            out += bytes(4)
    struct.pack_into('<I', out, flags_at, (flags << 32 - n_flags | (1 << 32 - n_flags) - 1) & 0xffffffff)
    return bytes(out)


@functools.lru_cache(maxsize=None)
def pack_huffman(data):
    """Xpress with Huffman codes, all of 9 bits, matches of up to 17 bytes."""
    bits, seen, at = [], {}, 0
    while at < len(data):
        distance, n = find_match(data, at, seen, 65535, 17)
        if n == 0:
            bits.append((data[at], 9))
            at += 1
            continue
        at += n
        d = distance.bit_length() - 1
        bits.append((256 + d * 16 + n - 3, 9))
        bits.append((distance - (1 << d), d))
    value = ''.join(format(v, '0%db' % n) for v, n in bits if n)
    value += '0' * (-len(value) % 16 + 16)
    words = [int(value[i:i + 16], 2) for i in range(0, len(value), 16)]
    return b'\x99' * 256 + struct.pack('<%dH' % len(words), *words)


def hiber_blocks(pages):
    """Blocks of 16 pages and how they are packed, in turn: stored, plain, Huffman."""
    for k, lo in enumerate(range(0, len(pages), 16)):
        part = pages[lo:lo + 16]
        data = b''.join(part)
        how = k % 9 if any(data) else k % 2 + 1
        how = how if how < 3 else 0
        packed = pack_lz77(data) if how == 1 else pack_huffman(data) if how == 2 else data
        yield (lo, len(part), how, packed) if len(packed) < len(data) else (lo, len(part), 0, data)


def hiber8(raw, out, length_self, offsets, word):
    """Windows 8 and later: the first half as the boot part, all of it but the first pages as the kernel part."""
    pages = read_pages(raw)
    n_loader, first_boot, first_kernel, n_kernel, highest = offsets
    fmt = '<Q' if word == 8 else '<I'

    def sets(lo, hi, damaged):
        data = b''
        chunks = []
        for at, n, how, packed in hiber_blocks(pages[lo:hi]):
            if damaged and at >= 32:  # pages that the kernel part has again, as they were before
                packed, how = bytes([0x5a]) * (n * PAGE), 0
            method = {0: 0, 1: 0, 2: 2}[how] if at % 64 else {0: 1, 1: 1, 2: 3}[how]
            head = 2 | len(packed) << 8 | method << 30
            first = 1 if n > 1 else n
            words = [((lo + at) << 4 | first - 1)] + ([(lo + at + first) << 4 | n - first - 1] if n > 1 else [])
            head = head & ~0xff | len(words)
            chunks.append(struct.pack('<I', head) + b''.join(struct.pack(fmt, w) for w in words) + packed)
        return data + b''.join(chunks)

    boot_pages = 64
    boot, kernel = sets(0, boot_pages, True), sets(32, len(pages), False)
    boot += bytes(-len(boot) % PAGE)
    h = bytearray(2 * PAGE)
    h[0:4] = b'HIBR'
    struct.pack_into('<I', h, 0xc, length_self)
    for off, value in ((n_loader, boot_pages), (first_boot, 2), (first_kernel, 2 + len(boot) // PAGE),
                       (n_kernel, len(pages) - 32), (highest, len(pages) - 1)):
        struct.pack_into(fmt, h, off, value)
    with open(out, 'wb') as f:
        f.write(bytes(h) + boot + kernel)


def hiber7(raw, out, layout):
    """XP to 7: (word, first table, link bytes, next, count, entry bytes, start, end, entries in a table)."""
    word, first_table, link, next_at, count_at, entry, start_at, end_at, most = layout
    fmt = '<Q' if word == 8 else '<I'
    pages = read_pages(raw)
    ranges = [(lo, min(lo + 37, len(pages))) for lo in range(0, len(pages), 37)]
    h = bytearray(5 * PAGE)
    h[0:4] = b'hibr'
    struct.pack_into(fmt, h, first_table, 5)
    body, page = [bytes(h)], 5
    for i in range(0, len(ranges), most):
        part = ranges[i:i + most]
        blocks = []
        for at, n, how, packed in hiber_blocks(pages[part[0][0]:part[-1][1]]):
            if how == 2:
                data = b''.join(pages[part[0][0] + at:part[0][0] + at + n])
                packed = min(pack_lz77(data), data, key=len)
            size = len(packed)
            blocks.append((b'\x81\x81xpress' + struct.pack('<I', n - 1 | size - 1 << 10)).ljust(0x20, b'\0')
                          + packed + bytes(-size % 8))
        data = b''.join(blocks)
        data += bytes(-len(data) % PAGE)
        table = bytearray(PAGE)
        last = i + most >= len(ranges)
        struct.pack_into(fmt, table, next_at, 0 if last else page + 1 + len(data) // PAGE)
        struct.pack_into('<I', table, count_at, len(part))
        for k, (lo, hi) in enumerate(part):
            struct.pack_into(fmt, table, link + k * entry + start_at, lo)
            struct.pack_into(fmt, table, link + k * entry + end_at, hi)
        body += [bytes(table), data]
        page += 1 + len(data) // PAGE
    with open(out, 'wb') as f:
        f.write(b''.join(body))


# That of ARM64 is not described anywhere: the header of the same build on x64.
HIBER8 = {'9600 x64': (0x360, (0x58, 0x60, 0x68, 0x1c8, 0x330), 8), '19041 x64': (0x3e0, (0x58, 0x68, 0x70, 0x230, 0x398), 8),
          '26100 arm64': (0x4d8, (0x58, 0x68, 0x70, 0x238, 0x498), 8), '9600 x86': (0x2c8, (0x48, 0x50, 0x54, 0x1b0, 0x2b0), 4)}
HIBER7 = {'7 x64': (8, 0x60, 0x10, 0, 8, 0x10, 0, 8, 0xff), '2003 x64': (8, 0x68, 0x20, 8, 0x14, 0x20, 8, 0x10, 0x7f),
          '7 x86': (4, 0x4c, 8, 0, 4, 8, 0, 4, 0x1ff), 'XP x86': (4, 0x58, 0x10, 4, 0xc, 0x10, 4, 8, 0xff)}


def remove(*paths):
    for path in paths:
        if os.path.exists(path):
            os.remove(path)
