"""Does the shards of a sweep as tasks of HyperQueue, on its own cluster of two workers. Usage: on_hyperqueue.py PROGRAM FOLDER
SHARDS, with spec.toml in FOLDER; the shards are left in FOLDER/shards."""

import sys

from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig

program, folder, shards = sys.argv[1], sys.argv[2], int(sys.argv[3])
with LocalCluster() as cluster:
    for _ in range(2):
        cluster.start_worker(WorkerConfig(cores=1))
    client = cluster.client()
    job = Job(max_fails=0)
    for shard in range(1, shards + 1):
        sweep = [program, "sweep", "spec.toml", "--device", "cpu", "--quiet", "--out", "shards", "--resume=auto"]
        job.program([*sweep, "--shard", f"{shard}/{shards}"], cwd=folder)
    # A task that fails is an error here.
    client.wait_for_jobs([client.submit(job)])
