#!/usr/bin/env bash
# The tests on real images, from whatever there is: a running engine or, in CI, one of our own; the
# public images or, where they cannot be pulled, what infra/airgap makes in their place.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-.venv/bin/python}
export GRISTMILL_REDIS_IMAGE=${GRISTMILL_REDIS_IMAGE:-redis:7}
export GRISTMILL_QDRANT_IMAGE=${GRISTMILL_QDRANT_IMAGE:-qdrant/qdrant:v1.18.0}

had() {
    docker image inspect "$1" >/dev/null 2>&1 || docker pull --quiet "$1" >/dev/null 2>&1
}

bash infra/docker/engine.sh
if had "${GRISTMILL_BASE_IMAGE:-python:3.11-slim}" && had "$GRISTMILL_REDIS_IMAGE"; then
    bash infra/docker/images.sh
else
    echo "The public images cannot be had: building from Debian's packages and a wheelhouse."
    PYTHON=$python bash infra/airgap/images.sh
    export GRISTMILL_REDIS_IMAGE=gristmill-redis:local
fi
had "$GRISTMILL_QDRANT_IMAGE" ||
    echo "There is no image $GRISTMILL_QDRANT_IMAGE: the embedded Qdrant stands in for the server."
"$python" -m pytest --timeout 1200 --durations 5 -rs tests/e2e tests/component/test_index_contract.py
