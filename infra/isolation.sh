#!/usr/bin/env bash
# Each service's app must import with nothing but its own extra installed, as in its image.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for service in extractor curator summarizer question_generator indexer trainer answerer; do
    "${PYTHON:-python3}" -m venv "$work/$service"
    "$work/$service/bin/python" -m pip install --quiet -c infra/constraints.txt ".[${service//_/-}]"
    (cd "$work" && "$service/bin/python" - "$service" <<'PY'
import importlib
import importlib.util
import sys

service = sys.argv[1]
importlib.import_module(f"services.{service}.app")
loaded = {"torch", "transformers"} & set(sys.modules)
assert not loaded, f"importing {service} loads {loaded}"
if service in {"extractor", "curator"}:
    found = [name for name in ("torch", "transformers", "ctranslate2") if importlib.util.find_spec(name)]
    assert not found, f"the extra {service} installs {found}"
print(f"{service}: imports with its own extra alone")
PY
    )
    rm -rf "${work:?}/$service"
done
