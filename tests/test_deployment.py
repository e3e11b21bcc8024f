"""The files that no other test runs: container, compose, scrape configuration, Makefile."""

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
CONSTRAINTS = ROOT / "deploy" / "constraints"
VERBS = (
    *("help", "serve", "test", "check", "distil", "judge", "train", "audit", "ablate", "export"),
    *("evaluate", "probe", "mteb", "bench", "clean"),
)


def read_yaml(path: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return read_yaml("docker-compose.yml")["services"]


@pytest.fixture(scope="module")
def dockerfile() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, as (name, arguments)."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line.strip() for line in text.splitlines()]
    return [
        (name, arguments)
        for name, _, arguments in (line.partition(" ") for line in lines)
        if name and not name.startswith("#")
    ]


def arguments_of(dockerfile: list[tuple[str, str]], instruction: str) -> list[str]:
    return [arguments for name, arguments in dockerfile if name == instruction]


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make as from a shell, whatever make may be running these tests."""
    inherited = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    outside = {name: value for name, value in os.environ.items() if name not in inherited}
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=outside, capture_output=True, text=True, check=False
    )


def pins(name: str) -> dict[str, str]:
    lines = (CONSTRAINTS / name).read_text(encoding="utf-8").splitlines()
    pinned = [line.split("==") for line in lines if not line.startswith("#")]
    return {package.lower().replace("_", "-"): version for package, version in pinned}


def test_compose_starts_the_cpu_service_alone_unless_a_profile_is_named(
    services: dict[str, Any],
) -> None:
    assert {name: service.get("profiles") for name, service in services.items()} == {
        "litotes": None,
        "litotes-gpu": ["gpu"],
        "prometheus": ["monitoring"],
        "grafana": ["monitoring"],
    }


def test_compose_opens_every_port_on_loopback_and_no_port_twice(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service["ports"]]

    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert len(ports) == len(set(ports)) == len(services)


def test_compose_gives_no_container_a_writable_root_or_new_privileges(
    services: dict[str, Any],
) -> None:
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["deploy"]["resources"]["limits"]["memory"]


def test_compose_builds_each_runtime_that_the_package_offers(services: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    runtimes = [
        service["build"]["args"]["RUNTIME"] for service in services.values() if "build" in service
    ]

    assert runtimes == ["cpu", "gpu"]
    assert set(runtimes) <= set(project["optional-dependencies"])


def test_prometheus_scrapes_the_service_where_compose_puts_it(services: dict[str, Any]) -> None:
    (job,) = read_yaml("deploy/prometheus.yml")["scrape_configs"]
    (targets,) = job["dns_sd_configs"]
    served = {name: service for name, service in services.items() if "build" in service}

    assert job.get("metrics_path", "/metrics") == "/metrics"
    assert targets["names"] == list(served)
    for service in served.values():
        assert service["ports"][0].endswith(f":{targets['port']}")


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_what_monitoring_mounts_exists_and_cannot_be_changed(
    services: dict[str, Any], name: str
) -> None:
    mounts = [volume.split(":") for volume in services[name]["volumes"]]
    ours = {target: (source, mode) for source, target, *mode in mounts if source[0] == "."}

    assert ours
    for source, mode in ours.values():
        assert (ROOT / source).exists()
        assert mode == ["ro"]
    if name == "prometheus":
        assert "/etc/prometheus/prometheus.yml" in ours
        assert set(read_yaml("deploy/prometheus.yml")["rule_files"]) <= ours.keys()


def test_the_image_listens_where_compose_expects_it(
    dockerfile: list[tuple[str, str]], services: dict[str, Any]
) -> None:
    (port,) = arguments_of(dockerfile, "EXPOSE")
    environment = " ".join(arguments_of(dockerfile, "ENV"))

    assert f"LITOTES_PORT={port}" in environment
    assert "LITOTES_HOST=0.0.0.0" in environment
    assert services["litotes"]["ports"][0].endswith(f":{port}")


def test_the_image_runs_as_a_numbered_user_that_is_not_root(
    dockerfile: list[tuple[str, str]],
) -> None:
    user = arguments_of(dockerfile, "USER")[-1]

    assert user.isdigit()
    assert int(user) > 0
    assert dockerfile[-1] == ("CMD", '["python", "-m", "service"]')


def test_the_image_is_healthy_when_the_service_is_ready(
    dockerfile: list[tuple[str, str]],
) -> None:
    (check,) = arguments_of(dockerfile, "HEALTHCHECK")

    assert "/health/ready" in check
    compile(re.findall(r'"((?:[^"\\]|\\.)*)"', check)[2].replace('\\"', '"'), "healthcheck", "exec")


def test_the_image_holds_no_training_code_and_only_pinned_packages(
    dockerfile: list[tuple[str, str]],
) -> None:
    installs = [line for line in arguments_of(dockerfile, "RUN") if "pip install" in line]
    copied = " ".join(arguments_of(dockerfile, "COPY"))

    assert "-c deploy/constraints/serve.txt" in installs[0]
    assert all("--no-deps" in line for line in installs[1:])
    assert "training" not in " ".join(installs) + copied
    assert not {"torch", "transformers"} & pins("serve.txt").keys()


def test_everything_the_image_copies_is_let_through(dockerfile: list[tuple[str, str]]) -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    copies = [line.split() for line in arguments_of(dockerfile, "COPY") if "--from" not in line]

    assert "*" in ignored
    for *sources, _ in copies:
        for source in sources:
            assert any(f"{source}/".startswith(prefix) for prefix in allowed)
            assert (ROOT / source).exists()


@pytest.mark.parametrize("name", ["serve.txt", "dev.txt", "clients.txt"])
def test_constraints_are_exact_versions_from_a_registry(name: str) -> None:
    for package, version in pins(name).items():
        assert re.fullmatch(r"[a-z0-9.-]+", package)
        assert re.fullmatch(r"[0-9][0-9a-z.]*", version)
    assert "litotes" not in pins(name)


def test_what_both_environments_hold_has_one_version() -> None:
    serve, dev = pins("serve.txt"), pins("dev.txt")

    assert {name: dev[name] for name in serve if name in dev} == {
        name: serve[name] for name in serve if name in dev
    }
    assert {"onnxruntime", "fastapi", "tokenizers", "numpy"} <= serve.keys() & dev.keys()


def test_make_without_a_verb_lists_every_verb() -> None:
    listed = make()

    assert listed.returncode == 0
    assert re.findall(r"^  make ([a-z]+) +\S", listed.stdout, re.MULTILINE) == list(VERBS)


def test_make_hands_its_variables_to_the_service() -> None:
    given = ["HOST=127.0.0.2", "PORT=9000", "MODEL=models/other"]
    planned = make("--dry-run", "--old-file=.venv/.installed", "serve", *given).stdout

    for assignment in given:
        name, _, value = assignment.partition("=")
        assert f"LITOTES_{name}='{value}'" in planned


@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        ([], "training/experiments/released.toml"),
        (["MODEL=openai:http://h/v1#a/b"], "--model 'openai:http://h/v1#a/b'"),
        (["MODEL=a", "AGAINST=tei:http://h"], "--model 'a' --against 'tei:http://h'"),
        (["AGAINST=b"], "--against 'b'"),
    ],
    ids=["ours", "an endpoint", "two", "only the other"],
)
def test_make_hands_what_is_to_be_measured_to_the_evaluation(
    given: list[str], arguments: str
) -> None:
    planned = make("--dry-run", "--old-file=.venv-dev/.installed", "evaluate", *given).stdout

    assert planned.split(" -m training.evaluate ")[1].split() == arguments.split()


def test_make_refuses_a_python_that_is_too_old_in_one_line() -> None:
    refused = make("--always-make", "PYTHON=false", ".venv/.installed")

    assert refused.returncode != 0
    assert refused.stderr.splitlines()[0].startswith("Litotes needs Python 3.11 or newer")


def test_continuous_integration_runs_make_test_and_nothing_else() -> None:
    script = ROOT / ".ci" / "run"

    assert script.stat().st_mode & 0o111
    assert script.read_text(encoding="utf-8").splitlines()[-1] == "exec make test"
