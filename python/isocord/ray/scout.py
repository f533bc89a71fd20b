"""Speaks with Ray on behalf of a bot, in a process of its own: ``python -m isocord.ray.scout``.

Ray ends every process that has been connected to it when its head is away for a minute. That is this one, and not the
bot, which starts it again. It reads what it is to do as lines of JSON, the first of them its options, and writes lines
of what it sees; it ends with its standard input.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from ..remote.load import Load
from .known import REGION, machines_wanted
from .machines import Machine, Machines

INTERVAL = 2.0
"""Seconds between two looks; less while somebody does not answer."""
_HURRIED = 0.5
_PATIENCE = 1.5
_ASK_AGAIN = 30.0


class Scout:
    """Looks at all media nodes, again and again.

    Args:
        options: of :class:`~isocord.ray.Cluster`, and the key that addresses are sealed for.
        tell: writes a line.
    """

    def __init__(self, options: dict[str, Any], tell: Callable[[dict[str, Any]], object]) -> None:
        self._options = options
        self._tell = tell
        self._public = bytes.fromhex(options["public"])
        self._machines = Machines(options)
        self._asked: dict[str, Any] = {}
        self._seen: dict[str, tuple[dict[str, Any], float]] = {}
        self._demanded = 0
        self._demanded_at = 0.0

    def run(self) -> None:
        """Never returns; raises what Ray does when it cannot be reached."""
        self._machines.connect()
        # Its own thread: to ask the head for machines takes a minute while that is away.
        threading.Thread(target=self._machines.follow, name="isocord-machines", daemon=True).start()
        while True:
            began = time.monotonic()
            machines = dict(self._machines.present)
            hurried = self._look(machines)
            if self._machines.known:
                self._report(machines)
            if self._options["machines"] is not None:
                self._demand(machines)
            time.sleep(max(0.05, (_HURRIED if hurried else INTERVAL) - (time.monotonic() - began)))

    def do(self, wish: dict[str, Any]) -> None:
        """Carry out what the bot wants; what becomes of it is told with its ticket."""
        try:
            self._machines.do(wish)
        except Exception as error:
            self._tell({"ticket": wish["ticket"], "error": f"{type(error).__name__}: {error}"[:500]})
        else:
            self._tell({"ticket": wish["ticket"], "error": None})

    def _look(self, machines: dict[str, Machine]) -> bool:
        import ray

        for node, machine in machines.items():
            if node not in self._asked:
                self._asked[node] = machine.actor.look.remote(self._public)
        self._asked = {node: asked for node, asked in self._asked.items() if node in machines}
        asked = list(self._asked.values())
        answered = set(ray.wait(asked, num_returns=len(asked), timeout=_PATIENCE)[0]) if asked else set()
        silent = False
        for node, answer in list(self._asked.items()):
            if answer not in answered:
                # It is asked once, however long it stands still.
                silent = True
                continue
            del self._asked[node]
            try:
                self._seen[node] = ray.get(answer, timeout=_PATIENCE), time.monotonic()
                machines[node].answered()
            except Exception as error:
                # Its process has ended; Ray starts another one.
                self._seen.pop(node, None)
                machines[node].lost(error)
                silent |= machines[node].trouble is None
        self._seen = {node: seen for node, seen in self._seen.items() if node in machines}
        return silent or not machines

    def _report(self, machines: dict[str, Machine]) -> None:
        now = time.monotonic()
        nodes = [
            {
                **seen,
                "node": node,
                "host": machines[node].host,
                "region": machines[node].labels.get(REGION, ""),
                "silent": max(0.0, now - at - INTERVAL) if node in self._asked else 0.0,
            }
            for node, (seen, at) in self._seen.items()
        ]
        troubles = [self._machines.trouble, *(machine.trouble for machine in machines.values())]
        self._tell({"nodes": nodes, "trouble": next(filter(None, troubles), None)})

    def _demand(self, machines: dict[str, Machine]) -> None:
        from ray.autoscaler.sdk import request_resources

        bundle: dict[str, float] = self._options["resources"]
        least, most = self._options["machines"]
        loads = [Load(**seen["load"]) for seen, _ in self._seen.values() if not seen["draining"]]
        wanted, now = machines_wanted(loads, least, most), time.monotonic()
        if wanted != self._demanded or now - self._demanded_at > _ASK_AGAIN:
            try:
                request_resources(bundles=[bundle] * wanted)
            except Exception as error:
                self._machines.trouble = f"{type(error).__name__}: {error}"[:500]
            else:
                self._demanded, self._demanded_at = wanted, now


def main() -> None:
    """Run until the bot has gone."""
    # Ray and what it loads write to standard output, where only our lines belong.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    lock = threading.Lock()

    def tell(line: dict[str, Any]) -> None:
        try:
            with lock:
                out.write(json.dumps(line) + "\n")
                out.flush()
        except OSError:
            # The bot has gone.
            os._exit(0)

    options = json.loads(sys.stdin.readline() or "null")
    if options is None:
        return
    scout = Scout(options, tell)

    def obey() -> None:
        for line in sys.stdin:
            threading.Thread(target=scout.do, args=(json.loads(line),), daemon=True).start()
        # Nothing here is worth waiting for, and Ray may not come to an end.
        os._exit(0)

    threading.Thread(target=obey, name="isocord-obey", daemon=True).start()
    try:
        scout.run()
    except ImportError as error:
        tell({"nodes": [], "trouble": f"{error}: pip install 'isocord[ray]'", "missing": True})
    except Exception as error:
        tell({"nodes": [], "trouble": f"{type(error).__name__}: {error}"[:500]})
    os._exit(1)


if __name__ == "__main__":
    main()
