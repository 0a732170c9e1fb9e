"""A custom metrics API: the requests in flight of pods, asked of the pods when they are asked for.

What prometheus-adapter does from Prometheus' memory, as far as an autoscaler needs it.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import requests
from kubernetes import client

from mlmagic.targets.kubernetes.autoscaling import CUSTOM_METRICS, METRIC
from mlmagic.testing.contract import until
from tests.certificates import self_signed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cluster.node import Cluster

VERSION = f"{CUSTOM_METRICS}/v1beta2"


@contextmanager
def custom_metrics(cluster: Cluster, namespace: str, key: str, folder: Path) -> Iterator[None]:
    """Let the cluster have the API for a while.

    Args:
        cluster: Our own node, which reaches this process.
        namespace: Where the pods and the API's Service lie.
        key: Of the service whose pods are asked.
        folder: For a certificate.
    """
    nodes = cluster.core.list_node().items
    address = next(a.address for a in nodes[0].status.addresses if a.type == "InternalIP")
    server = ThreadingHTTPServer((address, 0), BaseHTTPRequestHandler)
    server.RequestHandlerClass = _handler(cluster, key)
    context, _ = self_signed(folder, "adapter")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    registered = client.ApiregistrationV1Api(cluster.api)
    name = f"v1beta2.{CUSTOM_METRICS}"
    try:
        for item in _objects(namespace, address, server.server_port):
            cluster.apply(item)
        registered.create_api_service(_api_service(name, namespace))
        until(lambda: _answers(registered, name))
        yield
    finally:
        registered.delete_api_service(name)
        server.shutdown()
        server.server_close()
        thread.join()


def _objects(namespace: str, address: str, port: int) -> list[dict[str, Any]]:
    meta = {"name": "adapter", "namespace": namespace}
    labels = {"kubernetes.io/service-name": "adapter"}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": meta,
         "spec": {"ports": [{"port": 443, "targetPort": port}]}},
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
         "metadata": meta | {"labels": labels}, "addressType": "IPv4",
         "endpoints": [{"addresses": [address]}], "ports": [{"port": port}]},
    ]  # fmt: skip


def _api_service(name: str, namespace: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {
            "service": {"name": "adapter", "namespace": namespace},
            "group": CUSTOM_METRICS,
            "version": "v1beta2",
            "insecureSkipTLSVerify": True,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
    }


def _answers(registered: Any, name: str) -> bool:
    conditions = registered.read_api_service(name).status.conditions or []
    return any(each.type == "Available" and each.status == "True" for each in conditions)


def _handler(cluster: Cluster, key: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            parts = asked.path.strip("/").split("/")
            if "namespaces" in parts:
                (selector,) = parse_qs(asked.query)["labelSelector"]
                self._send(self._values(parts[parts.index("namespaces") + 1], selector))
            elif asked.path == f"/apis/{VERSION}":
                resource = {"name": f"pods/{METRIC}", "namespaced": True, "singularName": "",
                            "kind": "MetricValueList", "verbs": ["get"]}  # fmt: skip
                self._send({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": VERSION,
                            "resources": [resource]})  # fmt: skip
            else:
                self.send_error(404)

        def _values(self, namespace: str, selector: str) -> dict[str, Any]:
            pods = cluster.core.list_namespaced_pod(namespace, label_selector=selector).items
            found = [(pod, value) for pod in pods if (value := _in_flight(pod, key)) is not None]
            items = [
                {"describedObject": {"kind": "Pod", "apiVersion": "/v1", "namespace": namespace,
                                     "name": pod.metadata.name},
                 "metric": {"name": METRIC}, "value": value,
                 "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
                for pod, value in found
            ]  # fmt: skip
            return {"kind": "MetricValueList", "apiVersion": VERSION, "metadata": {},
                    "items": items}  # fmt: skip

        def _send(self, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", f"{len(body)}")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _in_flight(pod: Any, key: str) -> str | None:
    """Ask a pod; None where it does not answer yet."""
    try:
        answer = requests.get(
            f"http://{pod.status.pod_ip}:5001/metrics",
            headers={"Authorization": f"Bearer {key}"},
            timeout=5,
        )
    except requests.RequestException:
        return None
    lines = [line for line in answer.text.splitlines() if line.startswith(f"{METRIC} ")]
    return lines[0].split()[1] if lines else None
