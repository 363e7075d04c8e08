#!/usr/bin/env python3
"""Writers of containers that are compressed or come in several files, from a raw image of a lab machine.

Independent of src/: layouts from reference/dumps.md 17 and 18; LZO, snappy and zstd are the systems' own libraries.
"""
import ctypes
import ctypes.util
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
    work, out, n = ctypes.create_string_buffer(1 << 17), ctypes.create_string_buffer(2 * PAGE), ctypes.c_size_t(0)
    if lib.lzo1x_1_compress(page, ctypes.c_size_t(PAGE), out, ctypes.byref(n), work) != 0:
        raise RuntimeError('lzo1x_1_compress')
    return out.raw[:n.value]


def pack_snappy(page):
    lib = library('snappy')
    out, n = ctypes.create_string_buffer(2 * PAGE), ctypes.c_size_t(2 * PAGE)
    if lib.snappy_compress(page, ctypes.c_size_t(PAGE), out, ctypes.byref(n)) != 0:
        raise RuntimeError('snappy_compress')
    return out.raw[:n.value]


def pack_zstd(page):
    lib = library('zstd')
    lib.ZSTD_compress.restype = ctypes.c_size_t
    out = ctypes.create_string_buffer(2 * PAGE)
    n = lib.ZSTD_compress(out, ctypes.c_size_t(2 * PAGE), page, ctypes.c_size_t(PAGE), 3)
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
    state = bytearray(0x1b8)
    struct.pack_into('<I', state, 4, len(state))
    struct.pack_into('<Q', state, 0x1a0, dtb)
    return struct.pack('<III', 5, len(state), 0) + b'QEMU\0\0\0\0' + bytes(state)


def kdump_bytes(pages, method, dtb, lo, hi, split, zero):
    """One file of a kdump-compressed dump, header version 6, 64-bit producer, with the pages [lo, hi)."""
    flag, pack, _ = METHODS[method]
    bitmap_bytes = -(-len(pages) // 8)
    half = -(-bitmap_bytes // PAGE)
    note = cpu_note(dtb)
    head = bytearray(PAGE * 2)
    head[0:8] = b'KDUMP   '
    struct.pack_into('<I', head, 8, 6)
    for i, text in enumerate([b'Linux', b'lab', b'1', b'1', b'x86_64', b'lab']):
        head[12 + 65 * i:12 + 65 * i + len(text)] = text
    struct.pack_into('<IIIIII', head, 0x1ac, PAGE, 1, 2 * half, min(len(pages), 0xffffffff), 0, 0)
    struct.pack_into('<I', head, 0x1cc, 1)
    sub = PAGE
    struct.pack_into('<II', head, sub + 8, 1, 1 if split else 0)
    struct.pack_into('<QQ', head, sub + 0x10, lo, hi)
    note_off = PAGE + 0x800
    struct.pack_into('<QQ', head, sub + 0x30, note_off, len(note))
    struct.pack_into('<QQQ', head, sub + 0x50, lo, hi, len(pages))
    head[note_off:note_off + len(note)] = note
    full, dumped = bytearray(half * PAGE), bytearray(half * PAGE)
    for i in range(len(pages)):
        full[i // 8] |= 1 << i % 8
        dumped[i // 8] |= 1 << i % 8
    at = 2 * PAGE + 2 * half * PAGE
    data_at = at + 24 * (hi - lo)
    descriptors, data, shared = [], [], {}
    for i in range(lo, hi):
        page = pages[i]
        if page == zero and zero in shared:
            descriptors.append(shared[zero])
            continue
        packed, how = pack(page), flag
        if len(packed) >= PAGE:
            packed, how = page, 0
        d = struct.pack('<QIIQ', data_at, len(packed), how, 0)
        shared.setdefault(page, d)
        descriptors.append(d)
        data.append(packed)
        data_at += len(packed)
    return bytes(head) + bytes(full) + bytes(dumped) + b''.join(descriptors) + b''.join(data)


def kdump(raw, paths, method, dtb):
    """One file, or several that split the pages among them."""
    pages, n = read_pages(raw), len(paths)
    for k, path in enumerate(paths):
        lo, hi = len(pages) * k // n, len(pages) * (k + 1) // n
        with open(path, 'wb') as f:
            f.write(kdump_bytes(pages, method, dtb, lo, hi, n > 1, bytes(PAGE)))


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
    """A VMware state file: groups of tags; regions are (first page, page in the file, pages)."""
    cpu = vm_tag(b'CR', [0, 0], struct.pack('<I', 0x80050031)) + vm_tag(b'CR', [0, 3], struct.pack('<I', dtb)) + b'\0\0'
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


def remove(*paths):
    for path in paths:
        if os.path.exists(path):
            os.remove(path)
