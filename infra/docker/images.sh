#!/usr/bin/env bash
# Build the image of every service, or of those named: gristmill-SERVICE:local. What the Dockerfile
# takes as arguments is taken from the environment: PIP_INDEX_URL, PIP_EXTRA_INDEX_URL,
# PIP_NO_INDEX, WEIGHTS, and GRISTMILL_BASE_IMAGE.
set -euo pipefail
cd "$(dirname "$0")/../.."

# The Dockerfile needs BuildKit: Docker's client brings it as the plugin buildx, or, before version
# 23, in itself. Of several clients the first that has it is taken.
builder() {
    local client
    for client in $(type -ap docker); do
        if "$client" buildx version >/dev/null 2>&1 ||
            [ "$("$client" version --format '{{.Client.Version}}' | cut -d. -f1)" -lt 23 ]; then
            echo "$client"
            return
        fi
    done
    echo "No Docker client here has BuildKit: install its plugin, docker-buildx." >&2
    return 1
}

docker=$(builder)
if [ $# -eq 0 ]; then
    set -- extractor summarizer question-generator indexer curator trainer answerer
fi
for service in "$@"; do
    arguments=(--build-arg "SERVICE=$service")
    [ -z "${GRISTMILL_BASE_IMAGE:-}" ] || arguments+=(--build-arg "BASE_IMAGE=$GRISTMILL_BASE_IMAGE")
    for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_NO_INDEX WEIGHTS; do
        [ -z "${!name:-}" ] || arguments+=(--build-arg "$name")
    done
    DOCKER_BUILDKIT=1 "$docker" build --quiet --file infra/docker/Dockerfile "${arguments[@]}" \
        --tag "gristmill-$service:local" . >/dev/null
    docker image inspect --format '{{index .RepoTags 0}} {{.Size}}' "gristmill-$service:local" |
        awk '{ printf "%-36s %5d MB\n", $1, $2 / 1e6 }'
done
