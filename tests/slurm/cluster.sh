# A Slurm of two nodes on this host, in a folder and on ports of its own: to be sourced.
#
# It needs munge, slurmctld, slurmd and slurm-client (tests/run.sh installs them), no systemd, and nothing of the machine's own
# Slurm or munge is touched.

cluster=$(mktemp -d "${TMPDIR:-/tmp}/eulerscope-slurm.XXXXXX")
daemons=()

# Ends what cluster_start has begun, and the jobs that are left, also those that are just being started.
cluster_stop() {
    local pid tries=25
    if [ ${#daemons[@]} -gt 0 ]; then
        kill "${daemons[@]}" 2> /dev/null || true
        while kill -0 "${daemons[@]}" 2> /dev/null && [ $tries -gt 0 ]; do
            tries=$((tries - 1))
            for pid in $(keepers) $(processes_of node1) $(processes_of node2); do kill -9 "$pid" 2> /dev/null || true; done
            sleep 0.2
        done
        for pid in "${daemons[@]}" $(keepers) $(processes_of node1) $(processes_of node2); do
            kill -9 "$pid" 2> /dev/null || true
        done
        wait "${daemons[@]}" 2> /dev/null || true
    fi
    rm -rf "$cluster"
}

# Three ports that nobody listens on.
free_ports() {
    python3 - << 'PYTHON'
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(socket.getsockname()[1] for socket in held))
PYTHON
}

# Runs a daemon whose number is remembered, with what it says in a file of its own.
daemon() {
    local name=$1
    shift
    "$@" > "$cluster/$name.out" 2>&1 &
    daemons+=($!)
}

# Starts munge, the controller and two nodes of two cores, and waits until both are idle.
cluster_start() {
    local host control first second
    host=$(hostname -s)
    read -r control first second <<< "$(free_ports)"
    chmod 711 "$cluster"
    mkdir -p "$cluster"/{state,spool,munge}
    (umask 077 && head -c 1024 /dev/urandom > "$cluster/munge/key")
    cat > "$cluster/slurm.conf" << CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$cluster/munge/socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
StateSaveLocation=$cluster/state
SlurmdSpoolDir=$cluster/spool/%n
SlurmctldPidFile=$cluster/slurmctld.pid
SlurmdPidFile=$cluster/slurmd.%n.pid
SlurmctldLogFile=$cluster/slurmctld.log
SlurmdLogFile=$cluster/slurmd.%n.log
SlurmctldPort=$control
SlurmctldTimeout=30
SlurmdTimeout=30
KillWait=5
MinJobAge=300
MaxArraySize=6
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,sched_min_interval=0,batch_sched_delay=0
NodeName=node1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$first CPUs=2 State=UNKNOWN
NodeName=node2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$second CPUs=2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=10 State=UP
CONF
    export SLURM_CONF=$cluster/slurm.conf
    daemon munged munged --foreground --force --socket="$cluster/munge/socket" --key-file="$cluster/munge/key" \
        --pid-file="$cluster/munge/pid" --log-file="$cluster/munge/log" --seed-file="$cluster/munge/seed"
    until_true 10 test -S "$cluster/munge/socket"
    daemon slurmctld slurmctld -D -f "$SLURM_CONF"
    daemon node1 slurmd -D -N node1 -f "$SLURM_CONF"
    daemon node2 slurmd -D -N node2 -f "$SLURM_CONF"
    node2=$!
    until_true 20 both_idle || { tail -n 20 "$cluster"/*.log "$cluster"/*.out >&2; return 1; }
}

both_idle() { [ "$(sinfo --noheader --states=idle --format=%D 2> /dev/null)" = 2 ]; }

# Waits at most $1 seconds until a command succeeds.
until_true() {
    local tries=$(($1 * 5))
    shift
    until "$@"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { echo "waited in vain for: $*" >&2; return 1; }
        sleep 0.2
    done
}

# Was process $1 started with the variable $2?
has_variable() { { tr '\0' '\n' < "/proc/$1/environ"; } 2> /dev/null | grep -Fxq "$2"; }

# The processes of jobs of this cluster on node $1, by what Slurm has put into their environment.
processes_of() {
    local place
    for place in /proc/[0-9]*; do
        if has_variable "${place##*/}" "SLURMD_NODENAME=$1" && has_variable "${place##*/}" "SLURM_CONF=$SLURM_CONF"; then
            echo "${place##*/}"
        fi
    done
}

# The keepers of jobs of this cluster.
keepers() {
    local place
    for place in /proc/[0-9]*; do
        if grep -xq slurmstepd "$place/comm" 2> /dev/null && has_variable "${place##*/}" "SLURM_CONF=$SLURM_CONF"; then
            echo "${place##*/}"
        fi
    done
}

# Kills the jobs on node $1, and first their keepers, so that nobody reports their end.
kill_jobs() {
    local pid jobs keepers=
    jobs=$(processes_of "$1")
    for pid in $jobs; do keepers+=" $(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status" 2> /dev/null)"; done
    for pid in $keepers $jobs; do
        # The parent of an orphan is none of ours.
        if [ "$pid" != 1 ]; then kill -9 "$pid" 2> /dev/null || true; fi
    done
}

# A node loses its power: its daemon and its jobs are gone at once, and the controller hears of it.
kill_node2() {
    { kill -9 "$node2" && wait "$node2" || true; } 2> /dev/null
    kill_jobs node2
    scontrol update nodename=node2 state=down reason=killed
}

# Requeued jobs wait for two minutes, in case a node is ill; here two seconds are enough, but no less: within the same second
# the node still refuses what it was told to forget.
hurry() {
    local job far
    far=$(date -d '+10 seconds' +%FT%T)
    for job in $(squeue --noheader --array --states=pending --Format=JobID:20,Reason:40,EligibleTime:30 |
        awk -v far="$far" '$2 == "BeginTime" && $3 > far { print $1 }'); do
        scontrol update jobid="$job" StartTime=now+2seconds 2> /dev/null || true
    done
}

# Is nothing in the queue any more?
all_done() {
    hurry
    [ -z "$(squeue --noheader)" ]
}
