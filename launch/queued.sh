#!/usr/bin/env bash
# Trains on a TPU slice from Google's queue, which comes when there is one. Its hosts fetch the code
# and run it as they start, so that nobody needs to be there, and again whenever they are restarted:
#
#   launch/queued.sh create   NAME ZONE v5litepod-16 gs://BUCKET/code --config=… --workdir=/shared/run
#   launch/queued.sh describe NAME ZONE        what the queue says of it
#   launch/queued.sh tail     NAME ZONE [HOST] follows the log of a host (default: 0)
#   launch/queued.sh delete   NAME ZONE        ends it, after the last periodic save
#
# --spot, before the verb, asks for a slice that is cheap and may be taken away; --dry-run prints
# what gcloud would be given, and the script that the hosts run. The code is the commit that is
# checked out; the workdir is on a disk that all hosts have mounted. A run that ends with code 75, which is after a save, is started again. A request whose
# slice was taken away is SUSPENDED: delete it and create it again, and the run resumes.
set -euo pipefail

usage() {
  echo "error: $1; usage: launch/queued.sh [--dry-run] [--spot] create|describe|tail|delete NAME ZONE …" >&2
  exit 2
}

dry="" spot=()
while [[ ${1:-} == --* ]]; do
  case $1 in
    --dry-run) dry=1 ;;
    --spot) spot=(--spot) ;;
    *) usage "$1: unknown" ;;
  esac
  shift
done
(($# >= 3)) || usage "too few arguments"
verb=$1 name=$2 zone=$3
shift 3

run() {
  if [[ -n $dry ]]; then
    printf '%q ' "$@"
    echo
  else
    "$@"
  fi
}

script() { # TARBALL FLAGS…: what each host runs, as root
  local flags
  printf -v flags ' %q' "${@:2}"
  cat <<END
#!/bin/bash
# Fetches jaxgan and trains; started again after each save that ends it.
folder=\${JAXGAN_FOLDER:-/opt/jaxgan}
mkdir -p "\$folder" && cd "\$folder" || exit 1
exec >> log 2>&1
export HOME=\${HOME:-/root}
gcloud storage cp $(printf '%q' "$1") code.tar.gz && tar xzf code.tar.gz || exit 1
if [ ! -x .venv/bin/python ]; then
  python3 -m pip install -q uv && python3 -m uv venv -q --python 3.12 .venv || exit 1
  python3 -m uv pip install -q --python .venv/bin/python ".[tpu]" || exit 1
fi
code=75
while [ "\$code" = 75 ]; do
  code=0
  .venv/bin/python -m jaxgan.main$flags || code=\$?
done
echo "ended with code \$code"
END
}

case $verb in
  create)
    (($# >= 3)) || usage "create: a type, gs://BUCKET/FOLDER and flags of jaxgan.main"
    type=$1 code=$2/$name.tar.gz
    shift 2
    [[ $code == gs://* ]] || usage "create: $code is no gs://BUCKET/FOLDER"
    case $type in
      v5litepod-*) version=v2-alpha-tpuv5-lite ;;
      v5p-*) version=v2-alpha-tpuv5 ;;
      v6e-*) version=v2-alpha-tpuv6e ;;
      *) usage "create: $type is no accelerator type; known: v5litepod-N, v5p-N, v6e-N" ;;
    esac
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    script "$code" "$@" > "$folder/start.sh"
    if [[ -n $dry ]]; then
      cat "$folder/start.sh"
    else
      git archive --format=tar.gz -o "$folder/code.tar.gz" HEAD
    fi
    run gcloud storage cp "$folder/code.tar.gz" "$code"
    run gcloud compute tpus queued-resources create "$name" "--zone=$zone" "--node-id=$name" \
      "--accelerator-type=$type" "--runtime-version=${VERSION:-$version}" "${spot[@]}" \
      --scopes=cloud-platform "--metadata-from-file=startup-script=$folder/start.sh"
    ;;
  describe) run gcloud compute tpus queued-resources describe "$name" "--zone=$zone" ;;
  tail)
    run gcloud compute tpus tpu-vm ssh "$name" "--zone=$zone" "--worker=${1:-0}" \
      "--command=sudo tail -n 100 -F /opt/jaxgan/log"
    ;;
  delete)
    run gcloud compute tpus queued-resources delete "$name" "--zone=$zone" --force --quiet
    ;;
  *) usage "$verb is no verb" ;;
esac
