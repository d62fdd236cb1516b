"""As much of kustomize as infra/k8s uses, so that what is applied can be looked at without it."""

import re
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]

KEYS = {
    "containers": "name",
    "env": "name",
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
"""What tells apart the items of a list that a patch merges into; others it replaces whole."""

KNOWN = {"apiVersion", "kind", "namespace", "resources", "patches", "images"}


def load(path: Path) -> list[Any]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def render(folder: Path) -> list[Object]:
    """What `kubectl kustomize FOLDER` prints, in the order of the files.

    Raises:
        ValueError: it uses something that is not understood here, or names what is not there.
    """
    (file,) = load(folder / "kustomization.yaml")
    if unknown := set(file) - KNOWN:
        raise ValueError(f"{folder}: {unknown} is not understood")
    objects: list[Object] = []
    for name in file["resources"]:
        path = folder / name
        objects += render(path) if path.is_dir() else load(path)
    for patch in file.get("patches", []):
        objects = _patched(objects, folder / patch["path"], patch.get("target"))
    for image in file.get("images", []):
        for container in containers(objects):
            if container["image"].partition(":")[0] == image["name"]:
                container["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"
    for each in objects:
        if each["kind"] != "Namespace":
            each["metadata"]["namespace"] = file["namespace"]
    return objects


def pods(objects: list[Object]) -> list[Object]:
    """The pod templates of all workloads."""
    found = []
    for each in objects:
        spec = each.get("spec", {})
        template = spec.get("template") or spec.get("jobTargetRef", {}).get("template")
        if template:
            found.append(template)
    return found


def containers(objects: list[Object]) -> list[Object]:
    return [each for pod in pods(objects) for each in pod["spec"]["containers"]]


def _patched(objects: list[Object], path: Path, target: Object | None) -> list[Object]:
    documents = load(path)
    if documents and isinstance(documents[0], list):
        for each in _matching(objects, target or {}, path):
            for operation in documents[0]:
                _operate(each, operation)
        return objects
    for patch in documents:
        where = target or {"kind": patch["kind"], "name": patch["metadata"]["name"]}
        change = {name: value for name, value in patch.items() if name != "metadata"}
        labels = {"labels": patch["metadata"].get("labels", {})}
        for each in _matching(objects, where, path):
            merge(each, change)
            if labels["labels"]:
                merge(each["metadata"], labels)
    return objects


def _matching(objects: list[Object], target: Object, path: Path) -> list[Object]:
    found = [
        each
        for each in objects
        if each["kind"] == target["kind"]
        and re.fullmatch(target.get("name", ".*"), each["metadata"]["name"])
    ]
    if not found:
        raise ValueError(f"{path} patches {target}, which is not there")
    return found


def merge(into: Object, change: Object) -> None:
    """Merge as a strategic merge patch does."""
    for name, value in change.items():
        old = into.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            merge(old, value)
        elif isinstance(value, list) and isinstance(old, list) and name in KEYS:
            known = {item[KEYS[name]]: item for item in old}
            for item in value:
                if item[KEYS[name]] in known:
                    merge(known[item[KEYS[name]]], item)
                else:
                    old.append(_copy(item))
        else:
            into[name] = _copy(value)


def _operate(target: Any, operation: Object) -> None:
    *parents, last = [
        part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]
    ]
    for part in parents:
        target = target[int(part) if isinstance(target, list) else part]
    if isinstance(target, list):
        assert (operation["op"], last) == ("add", "-"), operation
        target.append(operation["value"])
    else:
        assert operation["op"] == "add" or last in target, operation
        target[last] = operation["value"]


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(each) for name, each in value.items()}
    return [_copy(each) for each in value] if isinstance(value, list) else value
