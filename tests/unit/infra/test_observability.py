"""What dashboards, alerts and the scrape configuration ask for, against what there is."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from services.local.apps import built_services
from shared.telemetry import REGISTRY

FOLDER = Path(__file__).parents[3] / "infra" / "observability"
DASHBOARD = json.loads((FOLDER / "grafana" / "dashboards" / "gristmill.json").read_text())
ALERTS = yaml.safe_load((FOLDER / "alerts.yml").read_text())
COMPOSE = yaml.safe_load((FOLDER / "compose.yml").read_text())

PROMETHEUS_LABELS = {"instance", "job", "le"}
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


def metrics() -> dict[str, set[str]]:
    """Every time series that a service can show, with its labels."""
    found: dict[str, set[str]] = {"up": set()}  # Prometheus's own
    for collector in set(REGISTRY._collector_to_names):
        labels = set(getattr(collector, "_labelnames", ()))
        for family in collector.collect():
            for suffix in SUFFIXES.get(family.type, ("",)):
                found[family.name + suffix] = labels
    return found


def expressions() -> Iterator[tuple[str, str]]:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$__rate_interval", "5m")
    for group in ALERTS["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


def selectors(node: Any) -> Iterator[Any]:
    """The time series that a parsed expression asks for."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for name in ("expr", "lhs", "rhs", "vector_selector"):
        if (part := getattr(node, name, None)) is not None:
            yield from selectors(part)
    for part in getattr(node, "args", None) or ():
        yield from selectors(part)


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_expression_asks_for_what_the_services_show(where: str, expression: str) -> None:
    known = metrics()
    asked = list(selectors(promql_parser.parse(expression)))
    assert asked, f"{where} asks for nothing"
    for each in asked:
        assert each.name in known
        matched = {matcher.name for matcher in each.matchers.matchers}
        assert matched <= known[each.name] | PROMETHEUS_LABELS
    grouped = re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression)
    for label in {label.strip() for group in grouped for label in group.split(",")}:
        assert any(label in known[each.name] | PROMETHEUS_LABELS for each in asked)


def test_a_metric_that_does_not_exist_would_be_noticed() -> None:
    (asked,) = selectors(promql_parser.parse("sum(rate(gristmill_nonsense_total[5m])) > 0"))
    assert asked.name == "gristmill_nonsense_total"
    assert asked.name not in metrics()


def test_the_dashboard_shows_every_metric_of_ours() -> None:
    shown = " ".join(expression for _, expression in expressions())
    families = {
        family.name for family in REGISTRY.collect() if family.name.startswith("gristmill_")
    }
    assert len(families) >= 9
    assert [name for name in families if name not in shown] == []


def test_what_every_replica_shows_alike_is_never_summed_over_replicas() -> None:
    for where, expression in expressions():
        for gauge in ("backlog", "pending", "oldest_pending_seconds", "dead_letters"):
            bare = re.search(rf"sum(?: by \([^)]*\))? ?\(gristmill_{gauge}\b", expression)
            assert bare is None, where


def test_panels_do_not_overlap() -> None:
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_alerts_say_what_is_the_matter_and_what_to_do() -> None:
    rules = [rule for group in ALERTS["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert {"summary", "action"} <= rule["annotations"].keys()


def test_every_service_is_scraped_and_traced() -> None:
    (job,) = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    expected = {name.replace("_", "-") for name in built_services()}
    assert set(job["dns_sd_configs"][0]["names"]) == expected
    traced = {
        name
        for name, service in COMPOSE["services"].items()
        if "OTEL_EXPORTER_OTLP_ENDPOINT" in (service.get("environment") or {})
    }
    assert traced == expected


def test_everything_that_is_mounted_is_there() -> None:
    sources = [
        volume.partition(":")[0]
        for service in COMPOSE["services"].values()
        for volume in service.get("volumes", [])
    ]
    root = FOLDER.parents[1]
    for source in sources:
        assert (root / source).exists() if source.startswith("./") else source in COMPOSE["volumes"]


def test_grafana_finds_its_sources_and_dashboards() -> None:
    provisioning = FOLDER / "grafana" / "provisioning"
    sources = yaml.safe_load((provisioning / "datasources" / "datasources.yml").read_text())
    known = {source["uid"] for source in sources["datasources"]}
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} <= known
    for source in sources["datasources"]:
        assert re.fullmatch(r"http://(\w+):\d+", source["url"])[1] in COMPOSE["services"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "dashboards.yml").read_text())[
        "providers"
    ]
    mounts = COMPOSE["services"]["grafana"]["volumes"]
    assert f"./infra/observability/grafana/dashboards:{provider['options']['path']}:ro" in mounts
