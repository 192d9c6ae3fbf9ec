#!/usr/bin/env bash
# Runs N processes of one command on this machine, as a cluster would run one on each host:
#
#   launch/local.sh [--dry-run] N K python -m jaxgan.main --config=experiments/dcgan.py:smoke
#
# Each process has K simulated CPU devices, or with K = 0 those that JAX finds by itself, and gets
# --distributed=127.0.0.1:PORT,N,I; $PORT names a port, else a free one is taken. What process I
# prints, on either stream, comes out as "[I] line". A process that fails takes the others with it
# once they have had $GRACE seconds, else 30, to end by themselves; one that was stopped, code 75,
# leaves them to save. A signal is passed on to all. The exit code is that of the first process that
# failed, else 0.
# --dry-run prints the commands and starts nothing.
set -euo pipefail

{ # read whole before anything runs, so that the file may change meanwhile
usage() {
  echo "error: $1; usage: launch/local.sh [--dry-run] PROCESSES DEVICES COMMAND..." >&2
  exit 2
}

dry=""
if [[ ${1:-} == --dry-run ]]; then
  dry=1
  shift
fi
(($# >= 3)) || usage "too few arguments"
[[ $1 =~ ^[1-9][0-9]{0,2}$ ]] || usage "$1 is no number of processes, 1 to 999"
[[ $2 =~ ^(0|[1-9][0-9]{0,2})$ ]] || usage "$2 is no number of devices, 0 to 999"
processes=$1 devices=$2
shift 2

free_port() { # the kernel's choice, released again
  "${PYTHON:-python3}" -c \
    'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

port=${PORT:-}
if [[ -z $port ]]; then
  if [[ -n $dry ]]; then port=PORT; else port=$(free_port); fi
fi

variables=(PYTHONUNBUFFERED=1)
if ((devices > 0)); then
  # XLA runs devices in a pool of as many threads as there are cores, or NPROC. With fewer than
  # devices, steps deadlock; the processes share the cores besides.
  variables+=(
    JAX_PLATFORMS=cpu
    "NPROC=${NPROC:-$((devices > 8 ? 2 * devices : 16))}"
    "XLA_FLAGS=${XLA_FLAGS:+$XLA_FLAGS }--xla_force_host_platform_device_count=$devices"
  )
fi

if [[ -n $dry ]]; then
  for ((i = 0; i < processes; i++)); do
    printf '[%d] env' "$i"
    printf ' %q' "${variables[@]}" "$@" "--distributed=127.0.0.1:$port,$processes,$i"
    echo
  done
  exit 0
fi

prefix() {
  local line
  while IFS= read -r line || [[ -n $line ]]; do printf '[%d] %s\n' "$1" "$line"; done
}

pids=() readers=()
for ((i = 0; i < processes; i++)); do
  exec {stream}> >(trap '' INT TERM HUP; prefix "$i")
  readers+=("$!")
  env "${variables[@]}" "$@" "--distributed=127.0.0.1:$port,$processes,$i" >&"$stream" 2>&1 &
  pids+=("$!")
  exec {stream}>&-
done

pass_on() {
  for pid in "${pids[@]}"; do kill "-$1" "$pid" 2>/dev/null || true; done
}
trap 'pass_on TERM' TERM INT HUP

code=0 left=$processes deadline=0
while ((left > 0)); do
  left=0
  for ((i = 0; i < processes; i++)); do
    [[ -n ${pids[i]} ]] || continue
    if kill -0 "${pids[i]}" 2>/dev/null; then
      left=$((left + 1))
      continue
    fi
    own=0
    wait "${pids[i]}" || own=$?
    pids[i]=""
    if ((own && !code)); then code=$own; fi
    if ((own && own != 75 && !deadline)); then deadline=$((SECONDS + ${GRACE:-30})); fi
  done
  if ((deadline && left > 0 && SECONDS >= deadline)); then
    echo "local.sh: the others did not end by themselves and are killed" >&2
    pass_on KILL
    deadline=0
  fi
  ((left == 0)) || sleep 0.2
done
wait "${readers[@]}" || true # for the last lines
exit "$code"
}
