# SPDX-License-Identifier: MIT
"""Carry out the instructions of compiled functions, as llvm-objdump lists them, as far as stack and saved registers go. Unwind
data are not read: the code says where everything is."""

import re
import subprocess
import sys

JUNK = 0x4A4A000000000000
NAMES = {"x64": "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(),
         "x86": "eax ecx edx ebx esp ebp esi edi".split()}
SAVED = {"x64": [3, 5, 6, 7, 12, 13, 14, 15], "x86": [3, 5, 6, 7], "arm64": list(range(19, 30))}
SP = {"x64": 4, "x86": 4, "arm64": 31}
WORD = {"x64": 8, "x86": 4, "arm64": 8}


def run(*cmd, **kw):
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, **kw)
    if p.returncode != 0:
        sys.exit("%s: exit %d\n%s" % (" ".join(cmd), p.returncode, p.stderr[-2000:]))
    return p.stdout


class State:
    """Registers and stack in numbers; what code computes otherwise is junk."""

    def __init__(self, arch, sp):
        self.regs = {r: magic(arch, r) for r in SAVED[arch]}
        self.regs[SP[arch]] = sp
        self.mem = {}

    def copy(self):
        s = State.__new__(State)
        s.regs, s.mem = dict(self.regs), dict(self.mem)
        return s


def magic(arch, r):
    return 0x11110000 + r if arch == "x86" else 0x1111000000000000 + r


def junk(arch, r=0):
    return (0x4A4A0000 if arch == "x86" else JUNK) + r


def number(text):
    return int(text.replace("#", ""), 0)


# ---- x64 and x86 ----

def x86_address(s, names, operand):
    m = re.search(r"\[(.*)\]", operand)
    if not m:
        return None
    total = 0
    for sign, term in re.findall(r"([+-]?)\s*([^+-]+)", m[1]):
        term = term.strip()
        if re.match(r"^(0x[0-9a-f]+|\d+)$", term):
            v = number(term)
        elif term in names and names.index(term) in s.regs:
            v = s.regs[names.index(term)]
        else:
            return None
        total += -v if sign == "-" else v
    return total


def x86_value(s, names, operand):
    if operand in names:
        return s.regs.get(names.index(operand))
    if re.match(r"^-?(0x[0-9a-f]+|\d+)$", operand):
        return number(operand)
    return None


def x86_step(s, op, args, arch):
    names, word = NAMES[arch], WORD[arch]
    mask = (1 << 8 * word) - 1
    unit = "qword ptr" if word == 8 else "dword ptr"
    a = [x.strip() for x in args.split(",")] if args else []
    if op == "push":
        v = x86_value(s, names, a[0])
        s.regs[4] -= word
        s.mem[s.regs[4]] = junk(arch) if v is None else v & mask
    elif op == "pop":
        v = s.mem.get(s.regs[4], junk(arch))
        s.regs[4] += word
        if a[0] in names:
            s.regs[names.index(a[0])] = v
    elif op == "call":
        for r in (0, 1, 2, 8, 9, 10, 11):
            s.regs.pop(r, None)
    elif a and a[0] in names:
        r = names.index(a[0])
        old, v = s.regs.get(r), None
        if op == "mov":
            at = x86_address(s, names, a[1]) if unit in a[1] else None
            v = s.mem.get(at) if at is not None else x86_value(s, names, a[1])
        elif op == "lea":
            v = x86_address(s, names, a[1])
        elif op in ("add", "sub", "and") and old is not None:
            w = x86_value(s, names, a[1])
            if w is None and r == 4:
                w = 0x40  # a dynamic allocation: any amount will do
            if w is not None:
                v = old + w if op == "add" else old - w if op == "sub" else old & w
        elif op in ("cmp", "test"):
            v = old
        if v is None and r == 4:
            raise ValueError("the stack pointer is lost at %s %s" % (op, args))
        s.regs[r] = junk(arch, r) if v is None else v & mask
    elif a and a[0].startswith(unit) and op == "mov":
        at, v = x86_address(s, names, a[0]), x86_value(s, names, a[1])
        if at is not None:
            s.mem[at] = junk(arch) if v is None else v & mask


# ---- ARM64 ----

def arm_reg(name):
    if name in ("sp", "wsp"):
        return 31
    if name in ("xzr", "wzr"):
        return None
    return int(name[1:]) if name[0] in "xw" and name[1:].isdigit() else None


def arm64_step(s, op, args, arch):
    a = re.findall(r"\[[^\]]*\]!?|[^,\[\]]+", args or "")
    a = [x.strip() for x in a if x.strip()]
    if op in ("bl", "blr"):
        for r in list(range(0, 19)) + [30]:
            s.regs.pop(r, None)
        return
    if op in ("stp", "str", "stur", "ldp", "ldr", "ldur"):
        n = 2 if op.endswith("p") else 1
        m = re.match(r"\[(\w+)(?:,\s*#?(-?\w+))?\](!?)", a[n])
        if not m or not (m[2] is None or re.match(r"-?(0x[0-9a-f]+|\d+)$", m[2])):
            base = None
        else:
            base = arm_reg(m[1])
        step = 8 if a[0][0] in "xd" else 16 if a[0][0] == "q" else 4
        at = None
        if base is not None and base in s.regs:
            by = number(m[2]) if m[2] else 0
            at = s.regs[base] + by
            if m[3]:
                s.regs[base] = at
            elif len(a) > n + 1:
                at = s.regs[base]
                s.regs[base] += number(a[n + 1])
        for i in range(n):
            r = arm_reg(a[i])
            if op.startswith("st"):
                if at is not None:
                    s.mem[at + step * i] = s.regs.get(r, JUNK) if a[i][0] == "x" else JUNK
            elif r is not None:
                s.regs[r] = s.mem.get(at + step * i, JUNK) if at is not None and step == 8 else JUNK
        return
    if not a or arm_reg(a[0]) is None or op in ("cmp", "tst", "cbz", "cbnz", "tbz", "tbnz", "b", "ccmp"):
        return
    r, v = arm_reg(a[0]), None
    if op in ("add", "sub", "and", "mov"):
        src = arm_reg(a[1]) if re.match(r"[xws]", a[1]) else None
        left = s.regs.get(src)
        if op == "mov":
            v = left
        elif left is not None and len(a) > 2:
            w = None
            if a[2].startswith("#"):
                w = number(a[2])
                if len(a) > 3 and "lsl" in a[3]:
                    w <<= number(a[3].split()[-1])
            elif r == 31:
                w = 0x40
            if w is not None:
                v = left + w if op == "add" else left - w if op == "sub" else left & w
    if r == 31 and v is None:
        if a[1] not in ("x8", "x9", "x10", "x11"):
            raise ValueError("the stack pointer is lost at %s %s" % (op, args))
        v = (s.regs[31] - 0x40) & ~0x3F  # computed elsewhere: a dynamic allocation
    s.regs[r] = JUNK + r if v is None else v & ((1 << 64) - 1)


# ---- functions ----

def functions(path, starts, preferred_base):
    """{name: [(rva, mnemonic, arguments)]} for starts {rva: name}; targets of branches are RVAs as "0x..."."""
    out, name = {}, None
    for line in run("llvm-objdump", "-d", "--no-show-raw-insn", "--x86-asm-syntax=intel", path).split("\n"):
        m = re.match(r"\s*([0-9a-f]{6,}):\s+(\S+)\s*(.*)", line)
        if not m:
            continue
        rva = int(m[1], 16) - preferred_base
        name = starts.get(rva, name)
        args = re.sub(r"\s*(<.*>|//.*|# .*)", "", m[3])
        args = re.sub(r"(^|, )0x([0-9a-f]+)$", lambda t: "%s0x%x" % (t[1], int(t[2], 16) - preferred_base)
                      if int(t[2], 16) >= preferred_base else t[0], args)
        out.setdefault(name, []).append((rva, m[2], args))
    return out


def walk(code, arch, start):
    """(rva, state before it, whether a call ends there) of every instruction that can be reached."""
    index = {c[0]: i for i, c in enumerate(code)}
    seen, todo = set(), [(0, start, False)]
    while todo:
        i, s, after_call = todo.pop()
        while i < len(code) and i not in seen:
            rva, op, args = code[i]
            seen.add(i)
            yield rva, s, after_call
            s = s.copy()
            after_call = op in ("call", "bl", "blr")
            target = re.search(r"0x([0-9a-f]+)$", args)
            is_jump = (op in ("b", "cbz", "cbnz", "tbz", "tbnz") or op.startswith("b.")) if arch == "arm64" else op[0] == "j"
            if is_jump and target and int(target[1], 16) in index:
                todo.append((index[int(target[1], 16)], s.copy(), False))
            if op in ("jmp", "ret", "b", "br", "int3", "ud2", "brk"):
                break
            if arch == "arm64":
                arm64_step(s, op, args, arch)
            else:
                x86_step(s, op, args, arch)
            i += 1
