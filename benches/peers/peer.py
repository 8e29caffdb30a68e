"""What the peers have in common: repetitions within a time, and a JSON object for every workload as it is done."""
import argparse
import json
import sys
import time

ENOUGH = 3.0  # seconds, behind which a workload is not repeated once more


def repeated(run, repetitions):
    """Seconds of each repetition by the clock, and those that all threads had a core, as many as there is time for."""
    wall, processor = [], []
    while len(wall) < repetitions and sum(wall) < ENOUGH:
        start, used = time.perf_counter(), time.process_time()
        run()
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    return wall, processor


def main(document, peer, workloads, measure):
    """Measures the workloads that the command line names, or all, and prints a row of each."""
    parser = argparse.ArgumentParser(description=document.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    for name in arguments.only.split(",") if arguments.only else workloads:
        if name in workloads:
            try:
                row = measure(name, *workloads[name](), arguments.repetitions)
                print(json.dumps(dict(peer=peer, **row)), flush=True)
            except Exception as error:  # the others are worth having
                print(f"{peer}: {name}: {str(error).splitlines()[0]}", file=sys.stderr)
