#!/bin/sh
# pip as the Dockerfile calls it: at the locked versions, with the wheels beside it, keeping nothing.
# An argument that is empty is one that was not given.
[ -n "$PIP_INDEX_URL" ] || unset PIP_INDEX_URL
[ -n "$PIP_EXTRA_INDEX_URL" ] || unset PIP_EXTRA_INDEX_URL
[ -n "$PIP_NO_INDEX" ] || unset PIP_NO_INDEX
export PIP_CONSTRAINT=/opt/tools/constraints.txt PIP_FIND_LINKS=/wheels PIP_NO_CACHE_DIR=1
exec /opt/tools/bin/pip "$@"
