#!/bin/sh
# Trains on several machines: run this on each of them, with the number of the machine, the addresses of all, and the
# flags of train behind `--`, the same on all. The first address is the chief's, which alone keeps the run:
#
#   on the first:   sh two_machines.sh 0 10.0.0.1:2222 10.0.0.2:2222 -- --model tuned --batch-size 64 --name two
#   on the second:  sh two_machines.sh 1 10.0.0.1:2222 10.0.0.2:2222 -- --model tuned --batch-size 64 --name two
#
# After a failure, start all again with --resume at the end. PYTHON names the interpreter, if it is not python3.
set -eu

usage() {
    echo "usage: sh $0 INDEX HOST:PORT HOST:PORT ... -- FLAGS OF TRAIN" >&2
    exit 2
}

[ $# -ge 2 ] || usage
index=$1
shift
workers=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    workers="$workers${workers:+, }\"$1\""
    shift
done
[ $# -gt 0 ] || usage
shift

TF_CONFIG="{\"cluster\": {\"worker\": [$workers]}, \"task\": {\"type\": \"worker\", \"index\": $index}}"
export TF_CONFIG
exec "${PYTHON:-python3}" -m tfgan_v1 train "$@"
