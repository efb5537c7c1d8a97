"""Runs the peer benchmark for two peers in turn and prints medians and ratios of CPU per call."""
import json
import os
import statistics
import subprocess
import sys

BENCH = os.environ["PEERBENCH"]
PEERS = os.environ.get("PEERS", "tandem kamailio-lua").split()
RUNS = int(os.environ.get("RUNS", "3"))
SCENARIOS = os.environ.get("SCENARIOS", "S1:1000:5000 S2:300:1500 S3:300:1500 S3b:500:2500 S4:1500:7500").split()


def run(peer, scenario, rate, calls):
    """One run; None unless it is valid."""
    p = subprocess.run([BENCH + "/run.sh", peer, scenario, rate, calls], capture_output=True, text=True, check=False)
    try:
        r = json.loads(p.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        print(f"{peer} {scenario}: no result: {p.stdout[-300:]}{p.stderr[-300:]}", file=sys.stderr)
        return None
    note = "" if r["valid"] else "  NOT VALID"
    print(f"  {peer:13} {scenario:4} {r['cpu_us_per_call']:8.1f} us/call  user {r['srv_user_s']} sys {r['srv_sys_s']}"
          f"  failed {r['failed']}  retrans {r['retrans'] + r['uas_retrans']}  other {r['other_cpu']}{note}", file=sys.stderr, flush=True)
    return r if r["valid"] else None


def main():
    print(f"{'scenario':9} {'rate':>5} " + " ".join(f"{p:>14}" for p in PEERS) + f" {'ratio':>7}   (median us of CPU per call, {RUNS} runs each)")
    ok = True
    for spec in SCENARIOS:
        scenario, rate, calls = spec.split(":")
        got = {p: [] for p in PEERS}
        ratios = []
        for _ in range(RUNS):
            pair = [run(p, scenario, rate, calls) for p in PEERS]
            for p, r in zip(PEERS, pair):
                if r:
                    got[p].append(r["cpu_us_per_call"])
            if all(pair) and len(pair) == 2:
                ratios.append(pair[0]["cpu_us_per_call"] / pair[1]["cpu_us_per_call"])
        cells = " ".join(f"{statistics.median(v):14.1f}" if v else f"{'-':>14}" for v in got.values())
        ratio = f"{statistics.median(ratios):7.2f}" if ratios else f"{'-':>7}"
        ok = ok and bool(ratios)
        print(f"{scenario:9} {rate:>5} {cells} {ratio}", flush=True)
    sys.exit(0 if ok else 1)


main()
