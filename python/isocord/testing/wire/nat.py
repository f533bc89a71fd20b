"""A router between a client and the voice server: the client's datagrams may come from another port all at once."""

from __future__ import annotations

Address = tuple[str, int]

_FIRST_PORT = 1024


class Nat:
    """Which address each client is seen at; without a change, its own."""

    def __init__(self) -> None:
        self._seen_as: dict[Address, Address] = {}
        self._really: dict[Address, Address] = {}
        self._gone: set[Address] = set()
        self._next_port = _FIRST_PORT

    def seen_as(self, real: Address) -> Address:
        """Where datagrams of a client come from."""
        return self._seen_as.get(real, real)

    def real(self, seen: Address) -> Address:
        """Where to send what is for the client that is or was seen at ``seen``."""
        return self._really.get(seen, seen)

    def is_gone(self, seen: Address) -> bool:
        """Whether what is sent there reaches nobody any more."""
        return seen in self._gone

    def change(self, seen: Address) -> Address:
        """The client that is seen at ``seen`` has another port from now on; gives its new address."""
        real = self.real(seen)
        self._gone.add(seen)
        # Ports of its own host that no client of a fake Discord has: they are not in the ephemeral range.
        changed = (seen[0], self._next_port)
        self._next_port += 1
        self._seen_as[real], self._really[changed] = changed, real
        return changed

    def forget(self, seen: Address) -> None:
        """The client is gone: another one may have its port."""
        real = self.real(seen)
        self._seen_as.pop(real, None)
        self._gone.discard(real)
        for known in [known for known, behind in self._really.items() if behind == real]:
            del self._really[known]
            self._gone.discard(known)
