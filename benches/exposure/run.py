"""Exposure beside DuckDB, pandas, and programs that only unpack or hash: run by `script/bench exposure`.

python run.py FOLDER-OF-EXAMPLES WORKING-FOLDER. Makes logs of 1 GB, checks that all answer the same (else there are no figures), and lets each read them in
turns. Quotes medians, and of ratios the median of the turns' own."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

examples, work = map(Path, sys.argv[1:])
here = Path(__file__).parent
turns = int(os.environ.get("SUIMON_BENCH_TURNS", "5"))
lines = int(os.environ.get("SUIMON_BENCH_LINES", "2200000"))
threads = str(len(os.sched_getaffinity(0)))
edge, origin = str(work / "edge.log"), str(work / "origin.jsonl")


def run(command, out=subprocess.PIPE):
    """Seconds, seconds of all processors, most memory in MB, and what was printed."""
    begun = time.monotonic()
    child = subprocess.Popen(list(map(str, command)), stdout=out, stderr=subprocess.DEVNULL)
    printed = child.stdout.read() if child.stdout else b""
    _, status, used = os.wait4(child.pid, 0)
    wall = time.monotonic() - begun
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"failed: {' '.join(map(str, command))}")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, printed


def measure(what, *files, threads=threads):
    return [examples / "measure", what, threads, *files]


def compare(title, commands, size, turns=turns):
    """All in turns; the first is the one that the others are held against."""
    taken = {name: [] for name in commands}
    for turn in range(turns + 1):
        for name, command in commands.items():
            wall, cpu, memory, _ = run(command, subprocess.DEVNULL)
            # The first turn fills the memory of files.
            if turn:
                taken[name].append((wall, cpu, memory))
    first = next(iter(commands))
    print(f"\n{title}, {size / 1e6:,.0f} MB, medians of {turns} turns:", flush=True)
    for name, runs in taken.items():
        wall, cpu, memory = (statistics.median(column) for column in zip(*runs))
        ratio = statistics.median(run[0] / mine[0] for run, mine in zip(runs, taken[first]))
        print(f"  {name:<44} {wall:7.2f} s  {size / wall / 1e6:7.0f} MB/s  cpu {cpu:6.2f} s  {memory:6.0f} MB  times {ratio:.2f}", flush=True)


def bulk(folder, *arguments):
    run([examples / "bulk", folder, *arguments])


def main():
    bulk(work, lines, 200, 20_000, lines * 477 // 100_000)
    size = os.path.getsize(edge) + os.path.getsize(origin)
    peers = {"DuckDB": [sys.executable, here / "with_duckdb.py", edge, origin], "pandas": [sys.executable, here / "with_pandas.py", edge, origin]}
    ours = json.loads(run(measure("reconstruct", edge, origin))[3])["found"]
    print("the answer:", ours)
    for name, command in peers.items():
        theirs = json.loads(run(command)[3])
        if theirs != ours:
            sys.exit(f"{name} answers otherwise, so there are no figures: {theirs}")
    hashed = ["sh", "-c", f"{' '.join(map(str, measure('hash', edge, origin)))} & {' '.join(map(str, peers['DuckDB']))}; wait"]
    whole = {"suimon, with SHA-256 of the files": measure("reconstruct", edge, origin), "DuckDB, without": peers["DuckDB"], "DuckDB, and SHA-256 (our library) beside it": hashed}
    compare("whole reconstruction", whole, size)
    compare("whole reconstruction", {"suimon": whole["suimon, with SHA-256 of the files"], "pandas": peers["pandas"]}, size, min(turns, 3))

    size = os.path.getsize(edge)
    compare("plain edge log", {"suimon": measure("scan", edge), "one thread": measure("scan", edge, threads="1"), "SHA-256 alone, same library": measure("hash", edge)}, size)
    compare("origin log", {"suimon": measure("scan", origin), "one thread": measure("scan", origin, threads="1")}, os.path.getsize(origin))
    small = sorted((work / "edge").iterdir())
    compare(f"{len(small):,} small files", {"suimon": measure("scan", *small), "one thread": measure("scan", *small, threads="1")}, sum(map(os.path.getsize, small)))
    shutil.rmtree(work / "edge")

    run(["gzip", "-kf", "-6", edge])
    packed = edge + ".gz"
    decoders = {"suimon": measure("scan", packed), "unpacking alone, same library": measure("unpack", packed), "gzip -dc": ["gzip", "-dc", packed]}
    for name, command in {"igzip": ["igzip", "-dc"], "libdeflate-gunzip": ["libdeflate-gunzip", "-c"]}.items():
        if shutil.which(name):
            decoders[name] = [*command, packed]
    compare("gzip edge log, unpacked", decoders, size)
    os.remove(packed)
    os.remove(edge)
    os.remove(origin)

    print("\nmemory, whole reconstruction, one thread:")
    rows = {}
    # Few people, so that the lines that are listed for each of them are at their bound.
    for many, personal, people in ((500_000, 0, 2_000), (1_500_000, 0, 2_000), (500_000, 0, 22_000), (1_500_000, 500, 2_000), (1_500_000, 1_500, 2_000)):
        bulk(work, many, personal, people)
        # Five in six personal pages and more come from the origin, whose line is one, too.
        about, all_lines = 0, 0
        for file, pages in ((edge, (b"\t/mypage\t", b"\t/mypage/")), (origin, (b'"path":"/mypage"', b'"path":"/mypage/'))):
            with open(file, "rb") as log:
                for line in log:
                    all_lines += 1
                    about += any(page in line for page in pages)
        memory = statistics.median(run(measure("reconstruct", edge, origin, threads="1"))[2] for _ in range(3))
        rows[many, personal, people] = (about, memory)
        print(f"  {all_lines:>10,} lines, {about:>8,} personal and near the window, {people:>6,} people: {memory:6.1f} MB", flush=True)
    base, more = rows[500_000, 0, 2_000][1], rows[1_500_000, 0, 2_000][1]
    person = (rows[500_000, 0, 22_000][1] - base) * (1 << 20) / 20_000
    (few, low), (most, high) = rows[1_500_000, 500, 2_000], rows[1_500_000, 1_500, 2_000]
    each = (high - low) * (1 << 20) / (most - few)
    print(f"  a million other lines: {more - base:+.1f} MB; each person {person:.0f} bytes; each personal line {each:.0f} bytes")
    print(f"  so at 100 million lines, of which 2 % are personal and near the window: {base + 2_000_000 * each / (1 << 20):.0f} MB, and the people")


main()
