"""The Helm chart: what its values mean, and which ones its schema refuses."""

from __future__ import annotations

import http.client as http_client
import importlib.machinery
import importlib.util
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import BINARY, ROOT, START_SECONDS, Server, free_port, run

helm_python = pytest.importorskip("helm_python", reason="helm-python-sdk is not installed: scripts/packaging-env")
# The documents of the script that `make chart` runs.
_loader = importlib.machinery.SourceFileLoader("chart", str(ROOT / "scripts/chart"))
chart = importlib.util.module_from_spec(importlib.util.spec_from_loader("chart", _loader))  # type: ignore[arg-type]
_loader.exec_module(chart)

OPEN = {"insecure": True}


def rendered(values: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["kind"], each["metadata"]["name"]): each for each in chart.documents(values)}


def stateful_set(values: dict[str, Any]) -> dict[str, Any]:
    return next(each for (kind, _), each in rendered(values).items() if kind == "StatefulSet")


def container(values: dict[str, Any]) -> dict[str, Any]:
    return dict(stateful_set(values)["spec"]["template"]["spec"]["containers"][0])


def test_the_chart_is_linted_rendered_and_packed(tmp_path: Path) -> None:
    said = run(ROOT / "packaging/.venv/bin/python", ROOT / "scripts/chart", tmp_path)
    assert "documents hold for Kubernetes" in said
    with helm_python.Chart.load(tmp_path / "headwater-0.1.0.tgz") as packed:
        assert packed.name == "headwater" and packed.schema


def test_its_version_is_the_programs() -> None:
    version = run(BINARY, "--version").strip()
    with helm_python.Chart.load(chart.CHART) as loaded:
        assert loaded.metadata["appVersion"] == loaded.version == version


def test_nothing_reaches_the_server_unless_somebody_said_so() -> None:
    documents = rendered({})
    assert "--listen=127.0.0.1:7070" in container({})["args"] and "--insecure" not in container({})["args"]
    # The one that names pods leads to a port where nobody listens from outside.
    assert [name for kind, name in documents if kind == "Service"] == ["test-headwater-pods"]
    assert not {"NetworkPolicy", "PodDisruptionBudget", "ServiceMonitor"} & {kind for kind, _ in documents}
    args = container(OPEN)["args"]
    assert "--listen=0.0.0.0:7070" in args and "--insecure" in args
    assert ("Service", "test-headwater") in rendered(OPEN)
    with helm_python.Chart.load(chart.CHART) as loaded:
        notes = loaded.render(OPEN, name="test", namespace="n")["headwater/templates/NOTES.txt"]
    assert "WARNING: insecure is true" in notes and "every pod of the cluster reaches it" in notes


def test_a_stop_has_the_time_that_the_server_may_take() -> None:
    spec = stateful_set({"server": {"stopWithinSeconds": 120}})["spec"]["template"]["spec"]
    assert "--stop-within=120s" in spec["containers"][0]["args"]
    # Running requests have 10 s before, and those by HTTP as long.
    assert spec["terminationGracePeriodSeconds"] >= 120 + 2 * 10 + 15


def test_the_pod_has_few_rights() -> None:
    spec = stateful_set({})["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] == 10001
    assert spec["automountServiceAccountToken"] is False
    security = spec["containers"][0]["securityContext"]
    assert security == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert stateful_set({})["spec"]["replicas"] == 1


def test_peers_of_the_network_policy_are_the_only_ones() -> None:
    closed = rendered({**OPEN, "networkPolicy": {"enabled": True}})["NetworkPolicy", "test-headwater"]
    assert closed["spec"]["ingress"] == [] and closed["spec"]["policyTypes"] == ["Ingress"]
    peers = [{"podSelector": {"matchLabels": {"app": "model"}}}]
    some = rendered({**OPEN, "networkPolicy": {"enabled": True, "from": peers}})["NetworkPolicy", "test-headwater"]
    assert some["spec"]["ingress"] == [{"from": peers}]


def test_with_http_the_probes_ask_it() -> None:
    with_http = container({**OPEN, "http": {"enabled": True, "port": 8080}})
    assert "--http=0.0.0.0:8080" in with_http["args"]
    assert with_http["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    assert with_http["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container({})["livenessProbe"]["exec"]["command"] == ["headwater", "status"]
    monitored = rendered({**OPEN, "http": {"enabled": True}, "serviceMonitor": {"enabled": True}})
    monitor = monitored["ServiceMonitor", "test-headwater"]
    service = monitored["Service", "test-headwater"]
    # It finds the Service with the port, by labels that only this one has.
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    assert wanted <= service["metadata"]["labels"].items()
    assert not wanted <= monitored["Service", "test-headwater-pods"]["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] in [port["name"] for port in service["spec"]["ports"]]


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"insecure": "yes"}, "/insecure"),
        ({"replicas": 3}, "replicas"),
        ({"server": {"durability": "interval:0"}}, "/server/durability"),
        ({"server": {"logLevel": "loud"}}, "/server/logLevel"),
        ({"server": {"stopWithinSeconds": "30s"}}, "/server/stopWithinSeconds"),
        ({"server": {"extraArgs": ["--insecure"]}}, "/server/extraArgs/0"),
        ({"server": {"extraArgs": ["--listen=0.0.0.0:1"]}}, "/server/extraArgs/0"),
        ({"server": {"extraArgs": ["serve"]}}, "/server/extraArgs/0"),
        ({"persistence": {"size": "much"}}, "/persistence/size"),
        ({"persistence": {"accessModes": ["ReadWriteMany"]}}, "/persistence/accessModes/0"),
        ({"podSecurityContext": {"runAsNonRoot": False}}, "/podSecurityContext/runAsNonRoot"),
        ({"podSecurityContext": {"runAsNonRoot": True, "runAsUser": 0}}, "/podSecurityContext/runAsUser"),
        ({"http": {"enabled": True}}, "/insecure"),
        ({"insecure": True, "serviceMonitor": {"enabled": True}}, "/http/enabled"),
        ({"image": {"repository": ""}}, "/image/repository"),
    ],
)
def test_a_bad_value_is_refused_by_its_place(values: dict[str, Any], where: str) -> None:
    with pytest.raises(helm_python.HelmValuesError, match=where):
        rendered(values)


def test_a_document_that_kubernetes_would_refuse_is_found() -> None:
    document = stateful_set({})
    assert chart.check(document) is None
    document["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    assert "livenesProbe" in chart.check(document)


def test_the_program_takes_what_the_chart_hands_it(tmp_path: Path, servers: list[Server]) -> None:
    port, http = free_port(), free_port()
    more = {"durability": "interval:20", "extraArgs": ["--memory-bytes-max=1GiB"], "stopWithinSeconds": 5}
    given = container({**OPEN, "server": more, "http": {"enabled": True, "hosts": ["features.example.com"]}})
    # A place and ports of this test's, and never another address than loopback.
    own = ("serve", "--data=/data/store", "--listen=0.0.0.0:7070", "--insecure", "--http=0.0.0.0:7072")
    args = [each for each in given["args"] if each not in own]
    assert len(args) == len(given["args"]) - len(own)
    server = Server(tmp_path, *args, f"--listen=127.0.0.1:{port}", f"--http=127.0.0.1:{http}")
    servers.append(server)
    server.wait()
    probe = container({})["livenessProbe"]["exec"]["command"]
    environment = {each["name"]: each["value"].replace("7070", str(port)) for each in given["env"]}
    assert subprocess.run([BINARY, *probe[1:]], env=environment, timeout=START_SECONDS, capture_output=True).returncode == 0

    def status(path: str, host: str) -> int:
        connection = http_client.HTTPConnection("127.0.0.1", http, timeout=START_SECONDS)
        try:
            connection.request("GET", path, headers={"Host": host})
            return connection.getresponse().status
        finally:
            connection.close()

    # As kubelet asks, by the pod's address, as Prometheus does, and as others do through the Service.
    assert status(given["readinessProbe"]["httpGet"]["path"], "10.1.2.3:7072") == 200
    assert status(given["livenessProbe"]["httpGet"]["path"], "10.1.2.3:7072") == 200
    for host in ("test-headwater.features.svc:7072", "test-headwater", "features.example.com"):
        assert status("/metrics", host) == 200, host
    assert status("/metrics", "elsewhere.example.com") >= 400
    assert server.stop() == 0
    assert subprocess.run([BINARY, *probe[1:]], env=environment, timeout=START_SECONDS, capture_output=True).returncode == 4
