"""What infra/k8s applies to a cluster, against the schemas, the flow and its own promises."""

import copy
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from cloudcoil.models.keda import v1alpha1 as keda

from services.local.apps import ANSWERER, SEARCHING, built_services
from shared.delivery.settings import DeliverySettings
from shared.settings import Settings
from shared.topology import SERVICES, Keys, read_by, stream_named
from tests.unit.infra.kustomize import Object, containers, load, pods, render

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "infra" / "k8s"
OVERLAYS = ("single-node", "production")
KUBERNETES = "1.31"  # the oldest in which everything here is stable
TRAINER = "trainer"


@pytest.fixture(scope="module", params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> list[Object]:
    return render(FOLDER / "overlays" / request.param)


def of_kind(objects: list[Object], kind: str) -> dict[str, Object]:
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def dashed(service: str) -> str:
    return service.replace("_", "-")


def check(each: Object) -> None:
    """Raise unless it fits its schema, without a field that the schema does not know."""
    if each["apiVersion"].startswith("keda.sh/"):
        if "jobTargetRef" in each["spec"]:
            each = copy.deepcopy(each)
            job = each["spec"]["jobTargetRef"]
            check({"apiVersion": "batch/v1", "kind": "Job", "metadata": {}, "spec": job})
            # The pod is checked with that; the model cannot read its quantities.
            job["template"]["spec"] = {"containers": [{"name": "service"}]}
        model = getattr(keda, each["kind"]).model_validate(each)
        assert model.model_dump(mode="json", by_alias=True, exclude_unset=True) == each
    else:
        kubernetes_validate.validate(each, KUBERNETES, strict=True)


def test_everything_fits_its_schema(overlay: list[Object]) -> None:
    for each in overlay:
        check(each)


def test_the_schemas_would_notice() -> None:
    deployment = of_kind(render(FOLDER / "overlays" / "production"), "Deployment")["curator"]
    deployment["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        check(deployment)
    scaled = of_kind(render(FOLDER / "overlays" / "production"), "ScaledObject")["curator"]
    scaled["spec"]["maxReplicas"] = 3
    with pytest.raises(AssertionError):
        check(scaled)


@pytest.mark.parametrize("name", OVERLAYS)
def test_kustomize_renders_the_same(name: str) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("needs kubectl, whose kustomize ours is compared with")
    path = FOLDER / "overlays" / name
    done = subprocess.run(["kubectl", "kustomize", path], capture_output=True, check=True)
    assert in_order(list(yaml.safe_load_all(done.stdout))) == in_order(render(path))


def in_order(value: Any) -> Any:
    """Without the order of lists, which kustomize changes."""
    if isinstance(value, dict):
        return {name: in_order(each) for name, each in value.items()}
    if isinstance(value, list):
        return sorted(map(in_order, value), key=lambda each: json.dumps(each, sort_keys=True))
    return value


def test_every_file_is_part_of_something() -> None:
    named = set()
    for file in FOLDER.rglob("kustomization.yaml"):
        (content,) = load(file)
        names = [*content["resources"], *(patch["path"] for patch in content["patches"])]
        named |= {(file.parent / name).resolve() for name in names}
    files = {path.resolve() for path in FOLDER.rglob("*.yaml")}
    kustomizations = {path for path in files if path.name == "kustomization.yaml"}
    assert files - kustomizations == {path for path in named if path.is_file()}


def test_every_service_runs(overlay: list[Object]) -> None:
    deployed = of_kind(overlay, "Deployment")
    jobs = of_kind(overlay, "ScaledJob")
    expected = {dashed(name) for name in built_services()}
    assert deployed.keys() | jobs.keys() == expected
    assert jobs.keys() == {TRAINER}
    budgets = of_kind(overlay, "PodDisruptionBudget")
    assert budgets.keys() == expected
    for name, budget in budgets.items():
        assert budget["spec"]["selector"]["matchLabels"] == {"app.kubernetes.io/name": name}
    for name, each in deployed.items():
        labels = each["spec"]["template"]["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == name
        assert labels["app.kubernetes.io/part-of"] == "gristmill"
        assert each["spec"]["selector"]["matchLabels"] == {"app.kubernetes.io/name": name}
        (container,) = containers([each])
        assert re.fullmatch(rf"(\S+/)?gristmill-{name}:\S+", container["image"])


def test_every_container_has_probes_resources_and_as_few_rights_as_can_be(
    overlay: list[Object],
) -> None:
    for pod in pods(overlay):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = spec["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert "memory" in container["resources"]["limits"]
        assert {"livenessProbe", "readinessProbe"} <= container.keys()
        if pod["metadata"]["labels"].get("app.kubernetes.io/part-of") == "gristmill":
            assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
            assert container["startupProbe"]["httpGet"]["path"] == "/livez"
            assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
            assert spec["terminationGracePeriodSeconds"] > DeliverySettings().graceful_seconds + 10


def test_services_scale_by_the_lag_of_their_groups(overlay: list[Object]) -> None:
    scaled = of_kind(overlay, "ScaledObject")
    assert scaled.keys() == {dashed(name) for name in SERVICES if name != TRAINER}
    for service in SERVICES:
        if service == TRAINER:
            continue
        spec = scaled[dashed(service)]["spec"]
        assert spec["scaleTargetRef"] == {"name": dashed(service)}
        assert spec["minReplicaCount"] == 1 < spec["maxReplicaCount"]
        assert "replicas" not in of_kind(overlay, "Deployment")[dashed(service)]["spec"]
        triggers = spec["triggers"]
        expected = [pipeline(overlay).stream(stream.name) for stream in read_by(service)]
        assert [each["metadata"]["stream"] for each in triggers] == expected
        for each in triggers:
            assert each["type"] == "redis-streams"
            assert each["metadata"]["consumerGroup"] == service
            assert int(each["metadata"]["lagCount"]) > 0


def test_trainings_are_jobs_that_end(overlay: list[Object]) -> None:
    spec = of_kind(overlay, "ScaledJob")[TRAINER]["spec"]
    (trigger,) = spec["triggers"]
    (stream,) = read_by(TRAINER)
    assert trigger["metadata"] == {
        "stream": pipeline(overlay).stream(stream.name),
        "streamLength": "1",
    }
    # Only where one group reads it do settled entries leave the stream.
    assert stream_named(stream.name).groups == (TRAINER,)
    assert spec["scalingStrategy"] == {"strategy": "default"}
    assert spec["rollout"] == {"strategy": "gradual"}
    template = spec["jobTargetRef"]["template"]["spec"]
    assert template["restartPolicy"] == "Never"
    environment = {each["name"]: each.get("value") for each in template["containers"][0]["env"]}
    idle = float(environment["GRISTMILL_DELIVERY__END_WHEN_IDLE_SECONDS"])
    assert idle > DeliverySettings().lease_seconds


def pipeline(objects: list[Object]) -> Keys:
    return Keys(of_kind(objects, "ConfigMap")["gristmill"]["data"]["GRISTMILL_NAMESPACE"])


def test_secrets_and_settings_are_referenced_and_secrets_never_written(
    overlay: list[Object],
) -> None:
    assert not of_kind(overlay, "Secret")
    settings = of_kind(overlay, "ConfigMap")["gristmill"]["data"]
    assert not any("KEY" in name or "PASSWORD" in name for name in settings)
    assert "GRISTMILL_REDIS_URL" not in settings
    for name in settings:
        known = name.removeprefix("GRISTMILL_").split("__")[0].lower()
        assert name.startswith("OTEL_") or known in Settings.model_fields or _in_section(known)
    volumes = of_kind(overlay, "PersistentVolumeClaim")
    authentications = of_kind(overlay, "TriggerAuthentication")
    for pod in pods(overlay):
        names = {each["name"] for each in pod["spec"].get("volumes", [])}
        mounted = {each["name"] for each in pod["spec"]["containers"][0]["volumeMounts"]}
        claimed = {"data"} if "volumes" not in pod["spec"] else set()  # by the StatefulSet
        assert mounted == names | claimed
        for volume in pod["spec"].get("volumes", []):
            claim = volume.get("persistentVolumeClaim")
            assert claim is None or claim["claimName"] in volumes
        for source in pod["spec"]["containers"][0].get("envFrom", []):
            assert source in (
                {"configMapRef": {"name": "gristmill"}},
                {"secretRef": {"name": "gristmill-object-store"}},
            )
    for kind in ("ScaledObject", "ScaledJob"):
        for each in of_kind(overlay, kind).values():
            for trigger in each["spec"]["triggers"]:
                assert trigger["authenticationRef"]["name"] in authentications


def _in_section(name: str) -> bool:
    """Whether a setting belongs to a section: its name begins with the section's."""
    sections = (*built_services(), "generation", "embedding")
    return any(name.startswith(f"{section}_") for section in sections)


def test_only_what_flows_may_flow(overlay: list[Object]) -> None:
    policies = of_kind(overlay, "NetworkPolicy")
    nothing = policies["nothing-else"]["spec"]
    assert (nothing["podSelector"], nothing["policyTypes"]) == ({}, ["Ingress", "Egress"])
    assert "ingress" not in nothing
    assert "egress" not in nothing
    names = {dashed(name) for name in built_services()}
    speaks_to = {
        (source, target)
        for policy in policies.values()
        for source in _selected(policy["spec"]["podSelector"], names)
        for rule in policy["spec"].get("egress", [])
        for peer in rule["to"]
        for target in _selected(peer.get("podSelector"), names)
        if "namespaceSelector" not in peer
    }
    assert speaks_to == {(name, "indexer") for name in SEARCHING}
    heard_by = {
        (source, target)
        for policy in policies.values()
        for target in _selected(policy["spec"]["podSelector"], names)
        for rule in policy["spec"].get("ingress", [])
        for peer in rule["from"]
        for source in _selected(peer.get("podSelector"), names)
        if "namespaceSelector" not in peer
    }
    assert heard_by == speaks_to
    to_redis = policies["redis"]["spec"]
    assert set(_selected(to_redis["podSelector"], names)) == names
    assert to_redis["egress"][0]["ports"] == [{"protocol": "TCP", "port": 6379}]


def _selected(selector: Object | None, names: set[str]) -> list[str]:
    """The services that a selector means."""
    if selector is None:
        return []
    labels = selector.get("matchLabels", {})
    if labels.get("app.kubernetes.io/part-of") == "gristmill":
        return sorted(names)
    wanted = [labels.get("app.kubernetes.io/name")]
    for expression in selector.get("matchExpressions", []):
        wanted += expression["values"]
    return sorted(names & set(wanted))


def test_what_answers_over_http_has_an_address_that_others_are_told(overlay: list[Object]) -> None:
    services = of_kind(overlay, "Service")
    assert {"indexer", ANSWERER} <= services.keys()
    settings = of_kind(overlay, "ConfigMap")["gristmill"]["data"]
    (port,) = services["indexer"]["spec"]["ports"]
    assert settings["GRISTMILL_SEARCH_URL"] == f"http://indexer:{port['port']}"
    for name in ("indexer", ANSWERER):
        assert services[name]["spec"]["selector"] == {"app.kubernetes.io/name": name}
        assert services[name]["spec"]["ports"][0]["targetPort"] == "http"
