"""Servers of S3 on ports of their own: moto's, and versitygw and MinIO where they are installed."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..streams.servers import free_port, running

KEY, SECRET = "isocordkey", "not/for+anybody's eyes"
BUCKET = "calls"


@dataclass
class Server:
    """One that answers.

    Attributes:
        kind: its name.
        endpoint: its URL.
        process: it.
    """

    kind: str
    endpoint: str
    process: subprocess.Popen[bytes]

    @property
    def asks(self) -> bool:
        """Whether it wants to know who is there: moto does not."""
        return self.kind != "moto"

    def options(self, secret: str = SECRET, bucket_wait: float = 2.0) -> dict[str, Any]:
        """What s3fs is made with: it waits for no answer longer than that, and leaves trying again to us."""
        config = {"connect_timeout": bucket_wait, "read_timeout": bucket_wait, "retries": {"max_attempts": 0}}
        client = {"endpoint_url": self.endpoint, "region_name": "us-east-1"}
        return {"key": KEY, "secret": secret, "client_kwargs": client, "config_kwargs": config}

    def client(self) -> Any:
        """botocore's own, as a witness."""
        from botocore.session import get_session

        return get_session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )

    def content(self) -> dict[str, bytes]:
        """All that lies in the bucket."""
        client = self.client()
        found = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {item["Key"]: client.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read() for item in found}

    def unfinished(self) -> int:
        """How many uploads in pieces were begun and not ended."""
        return len(self.client().list_multipart_uploads(Bucket=BUCKET).get("Uploads", []))

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """It takes connections and says nothing."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


def installed() -> list[str]:
    """The kinds that can be started here."""
    found = ["moto"] if importlib.util.find_spec("moto") is not None else []
    return found + [name for name in ("versitygw", "minio") if shutil.which(name) is not None]


@contextlib.contextmanager
def serving(kind: str, folder: Path) -> Iterator[Server]:
    """A server with an empty bucket."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    command = {
        "moto": [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        "versitygw": ["versitygw", "--access", KEY, "--secret", SECRET, "--port", address, "posix", str(folder)],
        "minio": ["minio", "server", "--quiet", "--address", address, str(folder)],
    }[kind]
    env = {**os.environ, "MINIO_ROOT_USER": KEY, "MINIO_ROOT_PASSWORD": SECRET}
    with running(command, port, env=env, limit=30.0) as process:
        server = Server(kind, f"http://{address}", process)
        server.client().create_bucket(Bucket=BUCKET)
        yield server
