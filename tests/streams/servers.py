"""nginx and icecast2 on ports of their own, in a folder of their own, as whoever runs the test."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log info;
{user}
events {{ worker_connections 256; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    limit_req_zone $binary_remote_addr zone=requests:1m rate=1r/s;
    limit_conn_zone $binary_remote_addr zone=connections:1m;
    server {{
        listen 127.0.0.1:{port};
        root {root};
        location /slow/ {{ alias {root}/; limit_rate 48k; }}
        location /narrow/ {{ alias {root}/; limit_conn connections 1; limit_conn_status 429; }}
        location /few/ {{ alias {root}/; limit_req zone=requests; limit_req_status 429; }}
        location /whole/ {{ alias {root}/; max_ranges 0; }}
    }}
}}
"""

ICECAST = """
<icecast>
  <limits><clients>100</clients><sources>8</sources><burst-size>65535</burst-size></limits>
  <authentication><source-password>hackme</source-password><admin-user>admin</admin-user>
    <admin-password>hackme</admin-password></authentication>
  <hostname>localhost</hostname>
  <listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
  <paths><basedir>{folder}</basedir><logdir>{folder}</logdir><webroot>/usr/share/icecast2/web</webroot>
    <adminroot>/usr/share/icecast2/admin</adminroot></paths>
  <logging><accesslog>access.log</accesslog><errorlog>error.log</errorlog><loglevel>2</loglevel></logging>
  <security><chroot>0</chroot>{user}</security>
</icecast>
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def missing() -> list[str]:
    """Programs that are not installed."""
    return [name for name in ("nginx", "icecast2", "ffmpeg") if shutil.which(name) is None]


@contextlib.contextmanager
def running(
    command: list[str], port: int | None = None, *, env: dict[str, str] | None = None, limit: float = 10.0
) -> Iterator[subprocess.Popen[bytes]]:
    """The program, once it answers at its port, which it does before the limit."""
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + limit
        while port is not None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not start: code {process.poll()}")
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def nginx(folder: Path, root: Path) -> Iterator[str]:
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, root=root, port=port, user=user))
    with running(["nginx", "-p", str(folder), "-c", str(config)], port):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def icecast(folder: Path) -> Iterator[int]:
    """As root it goes on as nobody, who may write into the folder."""
    port = free_port()
    root = os.geteuid() == 0
    user = "<changeowner><user>nobody</user><group>nogroup</group></changeowner>" if root else ""
    if root:
        shutil.chown(folder, "nobody", "nogroup")
    config = folder / "icecast.xml"
    config.write_text(ICECAST.format(folder=folder, port=port, user=user))
    with running(["icecast2", "-c", str(config)], port):
        yield port
