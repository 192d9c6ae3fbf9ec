#!/usr/bin/env bash
# Trains on the hosts of a TPU slice that you create, and look after, yourself:
#
#   launch/tpu_vm.sh create NAME ZONE v5litepod-16 [flags of gcloud, as --spot]
#   launch/tpu_vm.sh push   NAME ZONE         copies the commit that is checked out, and installs it
#   launch/tpu_vm.sh run    NAME ZONE --config=experiments/dcgan.py:celeba --workdir=/shared/run
#   launch/tpu_vm.sh tail   NAME ZONE [HOST]  follows the log of a host (default: 0)
#   launch/tpu_vm.sh stop   NAME ZONE         saves, and ends the run
#   launch/tpu_vm.sh delete NAME ZONE
#
# --dry-run, before the verb, prints what gcloud would be given. JAX finds the other hosts by itself;
# the workdir is on a disk that all of them have mounted, such as Filestore.
# On each host the run is started again whenever it ends with code 75, which is after a save, until
# `stop`; a slice that is preempted is gone, and queued.sh is for those that come back.
# shellcheck disable=SC2016 # a host expands what is quoted here
set -euo pipefail

usage() {
  echo "error: $1; usage: launch/tpu_vm.sh [--dry-run] create|push|run|tail|stop|delete NAME ZONE …" >&2
  exit 2
}

dry=""
if [[ ${1:-} == --dry-run ]]; then
  dry=1
  shift
fi
(($# >= 3)) || usage "too few arguments"
verb=$1 name=$2 zone=$3
shift 3

tpu() { # VERB ARGUMENTS…
  local command=(gcloud compute tpus tpu-vm "$@" "--zone=$zone")
  if [[ -n $dry ]]; then
    printf '%q ' "${command[@]}"
    echo
  else
    "${command[@]}"
  fi
}

on() { # HOST COMMAND: a number, or all
  tpu ssh "$name" "--worker=$1" "--command=$2"
}

# On a host, in ~/jaxgan: `pid` is the process's number, `stop` is there once it is to end.
loop='
rm -f stop
while :; do
  .venv/bin/python -m jaxgan.main "$@" &
  echo $! > pid
  code=0
  wait $! || code=$?
  if [ "$code" != 75 ] || [ -e stop ]; then break; fi
done
rm -f pid
echo "ended with code $code"
'
start='
cd ~/jaxgan || exit 2
if [ -e pid ] && kill -0 "$(cat pid)" 2> /dev/null; then
  echo "error: a run is in progress; stop it first" >&2
  exit 2
fi
# A process that died can leave its lock on the chips behind; one that lives keeps it.
lock=${LIBTPU_LOCK:-/tmp/libtpu_lockfile}
if [ -e "$lock" ] && command -v fuser > /dev/null && ! sudo fuser -s "$lock"; then
  sudo rm -f "$lock"
fi
'
stop='
cd ~/jaxgan || exit 2
touch stop
if [ -e pid ]; then kill -TERM "$(cat pid)"; fi
'
install='
set -e
mkdir -p ~/jaxgan
cd ~/jaxgan
tar xzf ~/jaxgan.tar.gz
python3 -m pip install -q --user uv
[ -d .venv ] || python3 -m uv venv -q --python 3.12 .venv
python3 -m uv pip install -q --python .venv/bin/python ".[tpu]"
'

case $verb in
  create)
    (($# >= 1)) || usage "create: no accelerator type, as v5litepod-16"
    case $1 in
      v5litepod-*) version=v2-alpha-tpuv5-lite ;;
      v5p-*) version=v2-alpha-tpuv5 ;;
      v6e-*) version=v2-alpha-tpuv6e ;;
      *) usage "create: $1 is no accelerator type; known: v5litepod-N, v5p-N, v6e-N" ;;
    esac
    tpu create "$name" "--accelerator-type=$1" "--version=${VERSION:-$version}" "${@:2}"
    ;;
  push)
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    [[ -n $dry ]] || git archive --format=tar.gz -o "$folder/jaxgan.tar.gz" HEAD
    tpu scp "$folder/jaxgan.tar.gz" "$name:jaxgan.tar.gz" --worker=all
    on all "$install"
    ;;
  run)
    (($# >= 1)) || usage "run: no flags of jaxgan.main"
    printf -v flags ' %q' "$@"
    printf -v quoted '%q' "$loop"
    on all "$start nohup bash -c $quoted jaxgan$flags > log 2>&1 < /dev/null &"
    ;;
  tail) on "${1:-0}" 'tail -n 100 -F ~/jaxgan/log' ;;
  stop) on all "$stop" ;;
  delete) tpu delete "$name" --quiet ;;
  *) usage "$verb is no verb" ;;
esac
