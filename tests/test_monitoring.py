"""The dashboard and the alert rules ask for nothing that the service does not give."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from serving import serving

from service.settings import Settings

DEPLOY = Path(__file__).parents[1] / "deploy"
GRAFANA = DEPLOY / "grafana"
# What Prometheus adds itself.
SCRAPED = {"job", "instance"}
WORDS = {"sum", "min", "max", "by", "rate", "increase", "histogram_quantile", "or", "vector"}
SELECTOR = re.compile(r"(?P<name>[a-z_:]+)(?:\{(?P<labels>[^}]*)\})?")
BY = re.compile(r"\bby\s*\((?P<labels>[^)]*)\)")
RANGE = re.compile(r"\[[^\]]*\]")
NUMBER = re.compile(r"(?<![a-z_])[\d.]+")
Labels = dict[str, set[str]]


def dashboard() -> dict[str, Any]:
    return json.loads((GRAFANA / "dashboards" / "litotes.json").read_text(encoding="utf-8"))


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((DEPLOY / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return group["rules"]


def queries() -> list[str]:
    shown = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    return shown + [rule["expr"] for rule in alerts()]


@pytest.fixture(scope="module")
def labels(settings: Settings) -> Labels:
    """The label names of each series of a service that has answered and refused something."""
    with serving(settings) as url:
        httpx.post(f"{url}/embed", json={"inputs": "no"})
        httpx.post(f"{url}/embed", json={"inputs": ""})
        text = httpx.get(f"{url}/metrics").text
    found: Labels = defaultdict(set)
    for line in text.splitlines():
        if not line.startswith("#"):
            series = SELECTOR.match(line)
            assert series is not None
            found[series["name"]] |= set(re.findall(r'(\w+)="', series["labels"] or ""))
    found["up"] = set()
    return found


@pytest.mark.parametrize("query", queries())
def test_every_query_names_series_and_labels_that_there_are(query: str, labels: Labels) -> None:
    grouped = {name.strip() for by in BY.finditer(query) for name in by["labels"].split(",")}
    rest = NUMBER.sub("", RANGE.sub("", BY.sub("", query)))
    used = [series for series in SELECTOR.finditer(rest) if series["name"] not in WORDS]
    assert used
    for series in used:
        assert series["name"] in labels
        asked = set(re.findall(r"(\w+)\s*[=!]", series["labels"] or ""))
        assert asked <= labels[series["name"]] | SCRAPED
    for series in used:
        assert grouped <= labels[series["name"]] | SCRAPED


def test_the_dashboard_asks_the_data_source_that_is_provisioned() -> None:
    provisioned = GRAFANA / "provisioning" / "datasources" / "prometheus.yml"
    (source,) = yaml.safe_load(provisioned.read_text(encoding="utf-8"))["datasources"]
    panels = dashboard()["panels"]
    assert {panel["datasource"]["uid"] for panel in panels} == {source["uid"]}
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)


def test_an_alert_says_what_is_wrong_and_how_bad_it_is() -> None:
    assert len({rule["alert"] for rule in alerts()}) == len(alerts())
    for rule in alerts():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert "{{ $labels.instance }}" in rule["annotations"]["summary"]
        assert rule["for"]
