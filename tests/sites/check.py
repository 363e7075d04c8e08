#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check.py POOLSCOPE LOADEDPE [quick]: plant call sites with clang and gcc in many ways, scan the drivers, compare with the truth:
every site is found with its tag, and with its size where that is constant; nothing else is found."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import drivers  # noqa: E402

exe, loadedpe, quick = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), "quick" in sys.argv[3:]
needed = ["clang", "lld-link", "llvm-dlltool", "llvm-objdump"]
for tool in needed:
    if shutil.which(tool) is None:
        print("skipped: %s is not installed" % tool)
        sys.exit(77)


def matches_value(want, got, is_tag, is_32):
    """want as in drivers.py; got a value object of the JSON."""
    if want is None or want == "any":
        return True
    texts = got.get("texts") if is_tag else got["values"]
    if isinstance(want, tuple) and want[0] == "arg":
        return got["kind"] == "argument" and got["argument"] == want[1] and got["add"] == (want[2] if len(want) > 2 else 0)
    if isinstance(want, tuple) and want[0] == "table":
        return got["kind"] in ("table", "several") and set(texts) == set(want[1])
    if isinstance(want, tuple):
        # Where neither the step nor the end of the table can be seen, candidates are read from its start on.
        return got["kind"] in ("table", "several") and texts[:1] == want[1][:1] and set(texts[: len(want[1])]) <= set(want[1])
    if isinstance(want, list):
        return got["kind"] == "several" and sorted(texts) == sorted(want)
    return got["kind"] == "constant" and texts == [want]


def check(path, functions, what, bad, want=None):
    p = subprocess.run([exe, "sites", "--pe", "--format", "json", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode != 0:
        bad.append("%s: exit %d: %s" % (what, p.returncode, p.stderr.decode()))
        return 0
    rows = json.loads(p.stdout)["rows"]
    names = {rva: n for n, rva in functions.items() if not n.startswith((".", "__imp"))}
    want = drivers.expectations() if want is None else want
    names = {functions[n]: n for n in functions if n in want or n.startswith(("t_", "d_", "w_"))}
    ends = drivers.call_ends(path)
    left = list(rows)
    n_ok = 0
    has_pdb = os.path.exists(path[:-4] + ".pdb")
    for name, sites in sorted(want.items()):
        for s in sites:
            found = None
            for r in left:
                if names.get(int(r["function_rva"], 16)) != name or r["api"] != s["api"]:
                    continue
                chain = [names.get(int(c["function_rva"], 16)) for c in r["chain"]]
                if chain != s["chain"]:
                    continue
                if not matches_value(s["tag"], r["tag"], True, False) or not matches_value(s["size"], r["size"], False, False):
                    continue
                if s["pool"] is not None and r["pool"]["text"] != s["pool"]:
                    continue
                found = r
                break
            if found is None:
                near = [r for r in left if names.get(int(r["function_rva"], 16)) == name]
                bad.append("%s: %s: not found: %s; there: %s" % (what, name, s, json.dumps(near)))
                continue
            left.remove(found)
            call = int(found["call_rva"], 16)
            if call not in ends:
                bad.append("%s: %s: no call at %#x in the listing" % (what, name, call))
            elif found["return_rva"] is not None and int(found["return_rva"], 16) != ends[call]:
                bad.append("%s: %s: returns to %s, not %#x" % (what, name, found["return_rva"], ends[call]))
            elif (found["return_rva"] is None) != found["tail_call"]:
                bad.append("%s: %s: tail call and return address contradict" % (what, name))
            # With a PDB beside the driver functions have names.
            known = [found["function"]] + [c["function"] for c in found["chain"]]
            if known != ([name] + s["chain"] if has_pdb else [None] * len(known)):
                bad.append("%s: %s: names %s" % (what, name, known))
            n_ok += 1
    for r in left:
        bad.append("%s: false site in %s: %s" % (what, names.get(int(r["function_rva"], 16)), json.dumps(r)))
    return n_ok


def check_loaded(path, functions, what, bad):
    """The same driver in memory: imports by address only; then with each call of an import made a direct one. Of the WDF
    table only what its loader wrote is a proof there."""

    def scan(lines, *mode):
        p = subprocess.run([loadedpe, path, *mode], input="".join(lines), stdout=subprocess.PIPE, check=True, text=True)
        return p.stdout.splitlines()

    is_64 = not what.startswith("x86")
    top, info = 0xfffff80000000000 if is_64 else 0x80000000, functions["WdfBindInfo"]
    bound = ["word %x %x\n" % (functions["WdfFunctions"], top + 0x5000), "word %x %x\n" % (info + (0x28 if is_64 else 0x1c), top)]
    in_file = scan([], "file")
    no_wdf = [r for r in in_file if " Wdf" not in r]
    calls = [r.split()[:2] for r in no_wdf if " through " not in r]
    at = [c[0] for c in calls]  # one that may reach either of two routines stays
    direct = ["call %s %s\n" % tuple(c) for c in calls if at.count(c[0]) == 1]
    for name, lines, want in (("loaded", bound, in_file), ("not bound", bound[:1], no_wdf), ("direct calls", bound + direct, in_file)):
        have = scan(lines)
        if have != want or not in_file:
            bad.append("%s %s: %s" % (what, name, sorted(set(have) ^ set(want))))
    return len(in_file)


def check_modules(arch, lib, bad):
    """Wrappers that other drivers export, in files given together, in any order."""
    built = drivers.build_modules(arch, work, lib)
    names = {(os.path.basename(p), rva): n for p, f in built for n, rva in f.items()}
    want = {
        ("lib", "LibAllocate", None, None, ()), ("lib", "LibFixed", "Li01", None, ("LibAllocate",)),
        ("user", "u_direct", "Us01", 0x44, ("lib:LibAllocate",)),
        ("user", "u_fixed", "Li01", 0x58, ("lib:LibFixed", "lib:LibAllocate")),
        ("user", "UserAllocate", None, 0x70, ("lib:LibAllocate",)),
        ("third", "v_through", "Th01", 0x70, ("user:UserAllocate", "lib:LibAllocate")),
    }
    paths = [p for p, _ in built]
    for order in paths, paths[::-1]:
        p = subprocess.run([exe, "sites", "--pe", "--format", "json", *order], stdout=subprocess.PIPE, check=True)
        have = []
        for r in json.loads(p.stdout)["rows"]:
            module = r["module"].split("-")[0]
            chain = tuple(("" if c["module"] == r["module"] else c["module"].split("-")[0] + ":") +
                          names[c["module"], int(c["function_rva"], 16)] for c in r["chain"])
            have.append((module, names[r["module"], int(r["function_rva"], 16)],
                         r["tag"]["texts"][0] if r["tag"]["kind"] == "constant" else None,
                         r["size"]["values"][0] if r["size"]["kind"] == "constant" else None, chain))
        if sorted(map(str, have)) != sorted(map(str, want)):
            bad.append("%s modules: %s" % (arch, sorted(set(have) ^ want, key=str)))
    return len(want)


work = tempfile.mkdtemp(prefix="poolscope-sites-")
bad, n = [], 0
try:
    for arch in drivers.TARGETS:
        lib = drivers.import_library(arch, work)
        for opt in ["-O0", "-O2"] if quick else ["-O0", "-O1", "-O2", "-Os"]:
            path, functions = drivers.build_clang(arch, opt, False, work, lib)
            n += check(path, functions, arch + opt, bad)
            if opt == "-O2":
                n += check_loaded(path, functions, arch, bad)
        path, functions = drivers.build_clang(arch, "-O2", True, work, lib)
        n += check(path, functions, arch + " guard", bad,
                   {**drivers.expectations(), **(drivers.STUB_SITES if arch == "x64" else {})})
        n += check_modules(arch, lib, bad)
        for opt in ["-O2"] if quick else ["-O0", "-O2"]:
            path, functions = drivers.build_kernel(arch, opt, work)
            n += check(path, functions, arch + opt + " kernel", bad, drivers.kernel_expectations())
        for i in range(len(drivers.WDF_DOUBTFUL)):
            path, functions, want = drivers.build_wdf(arch, i, work, lib)
            n += check(path, functions, "%s wdf %s" % (arch, drivers.WDF_DOUBTFUL[i][0]), bad, want)
        if arch != "arm64":
            path, functions = drivers.build_retpoline(arch, work, lib)
            n += check(path, functions, arch + " retpoline", bad)
        if arch == "x64":
            path, functions = drivers.build_delayed(work, lib)
            n += check(path, functions, "delayed imports", bad)
    for arch, tools in drivers.MINGW.items():
        if shutil.which(tools + "gcc") is None:
            print("%sgcc is not installed: its drivers are not tried" % tools)
            continue
        for opt in ["-O0", "-O2"] if quick else ["-O0", "-O1", "-O2", "-Os"]:
            path, functions = drivers.build_mingw(arch, opt, work)
            n += check(path, functions, "mingw " + arch + opt, bad)
finally:
    if os.environ.get("KEEP"):
        print(work)
    else:
        shutil.rmtree(work)
print("%d sites as planted, %d differences" % (n, len(bad)))
for b in bad[: int(os.environ.get("SHOW", "20"))]:
    print(b[:1500])
sys.exit(1 if bad else 0)
