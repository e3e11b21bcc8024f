"""The metrics' own port."""

from __future__ import annotations

import socket

import httpx
import pytest
from serving import serving

from service.errors import StartupError
from service.metrics import Metrics
from service.server import metrics_listener
from service.settings import Settings


@pytest.fixture
def apart(settings: Settings) -> Settings:
    """Settings with a port for the metrics that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return settings.model_copy(update={"metrics_port": port, "pair_model": None})


def test_the_metrics_have_a_port_of_their_own_and_the_main_one_has_none(apart: Settings) -> None:
    metrics = Metrics()
    metrics.embed_count.inc(7)
    with metrics_listener(apart, metrics):
        answer = httpx.get(f"http://127.0.0.1:{apart.metrics_port}/metrics")
        assert answer.status_code == 200
        assert "\nte_embed_count 7.0\n" in answer.text
    with serving(apart) as url:
        refused = httpx.get(f"{url}/metrics")
    assert refused.status_code == 404
    assert "te_embed_count" not in refused.text


def test_a_metrics_port_in_use_is_told_before_anything_is_served(apart: Settings) -> None:
    with (
        socket.create_server(("127.0.0.1", apart.metrics_port)),
        pytest.raises(StartupError, match=f"cannot listen on 127.0.0.1:{apart.metrics_port}"),
        metrics_listener(apart, Metrics()),
    ):
        pass
