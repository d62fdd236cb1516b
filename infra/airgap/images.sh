#!/usr/bin/env bash
# Build every image without a container registry; README.md beside this file says how and from what.
set -euo pipefail
cd "$(dirname "$0")/../.."
bash infra/airgap/base.sh
bash infra/airgap/wheelhouse.sh
GRISTMILL_BASE_IMAGE=gristmill-base:local PIP_NO_INDEX=1 bash infra/docker/images.sh
