"""The figures as aligned text, the aims beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .gaps import LATE_MS
from .overhead import Overhead
from .scale import BROADCAST, PASSTHROUGH, Step
from .side_by_side import IDLE, ISOCORD, STOCK, Cell, ConnectTimes

_MISS = "!"
RATE_AIM, RATE_SLACK = 50.0, 0.05
IDLE_OFF_AIM = 0.2
RATIO_AIM = 10.0
CONNECT_AIM = 15.0
LIBOPUS_AIM = 1.1
MEMORY_AIM = 0.1


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as they need to be: the first three to the left, numbers to the right."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = []
    for line in lines:
        cells = [
            cell.ljust(width) if column < 3 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text.append("  " + "  ".join(cells).rstrip())
    text.insert(1, "  " + "  ".join("-" * width for width in widths))
    return "\n".join(text)


def number(value: float | None, digits: int = 1, *, miss: bool = False) -> str:
    """A figure, with a mark if it misses its aim."""
    if value is None:
        return "-"
    return f"{value:,.{digits}f}{_MISS if miss else ''}"


CELL_HEAD = (
    "load",
    "source",
    "client",
    "packets/s",
    "gap p50",
    "p99 |gap-20|",
    "max gap",
    ">40 ms",
    "lost",
    "connect",
    "1st packet",
    "CPU ms/s",
)
CELL_AIMS = (
    "  aims of isocord: 50.0 packets/s, no gap over 40 ms; p99 |gap-20 ms| at most 0.2 ms when idle, and at most\n"
    "  a tenth of py-cord's under GIL threads; connect to first packet 15 ms. Times in ms; ! marks a missed aim.\n"
    "  ratio: py-cord's figure divided by isocord's. source file is isocord.AudioFile (WAV), beside py-cord with PCM."
)


def cells(results: Sequence[Cell]) -> str:
    """The rows of one way of pinning; after each pair of rows their ratio."""
    rows: list[Sequence[str]] = []
    for cell in results:
        stock = _stock_beside(cell, results)
        rows.append(_cell_row(cell, stock))
        if cell.client == ISOCORD and stock is not None:
            rows.append(_ratio_row(cell, stock))
    return table(CELL_HEAD, rows)


def _stock_beside(cell: Cell, results: Sequence[Cell]) -> Cell | None:
    source = "pcm" if cell.source == "file" else cell.source
    for other in results:
        if (other.client, other.load, other.source, other.pinned) == (STOCK, cell.load, source, cell.pinned):
            return other
    return None


def _cell_row(cell: Cell, stock: Cell | None) -> Sequence[str]:
    timing = cell.timing
    if timing is None:
        text = cell.error or "no packet came"
        return (cell.load, cell.source, f"{cell.client}: {text}", *[""] * (len(CELL_HEAD) - 3))
    ours = cell.client == ISOCORD
    off_missed = False
    if cell.load == IDLE.name:
        off_missed = timing.off_p99 > IDLE_OFF_AIM
    elif "GIL" in cell.load and stock is not None and stock.timing is not None:
        off_missed = stock.timing.off_p99 < RATIO_AIM * timing.off_p99
    return (
        cell.load,
        cell.source,
        cell.client,
        number(timing.rate, 2, miss=ours and abs(timing.rate - RATE_AIM) > RATE_SLACK),
        number(timing.gap_p50, 2),
        number(timing.off_p99, 2, miss=ours and off_missed),
        number(timing.gap_max, 1, miss=ours and timing.gap_max > LATE_MS),
        number(timing.late, 0, miss=ours and timing.late > 0),
        number(timing.lost, 0, miss=ours and timing.lost > 0),
        number(cell.connect),
        number(cell.first_packet, miss=ours and cell.load == IDLE.name and (cell.first_packet or 0) > CONNECT_AIM),
        number(cell.cpu),
    )


def _ratio_row(cell: Cell, stock: Cell) -> Sequence[str]:
    def ratio(figure: Callable[[Cell], float | None]) -> str:
        ours, theirs = figure(cell), figure(stock)
        return f"x {theirs / ours:,.1f}" if ours and theirs is not None else ""

    return (
        "",
        "",
        "  ratio",
        f"x {stock.timing.rate / cell.timing.rate:.2f}" if cell.timing and stock.timing else "",
        "",
        ratio(lambda c: c.timing.off_p99 if c.timing else None),
        ratio(lambda c: c.timing.gap_max if c.timing else None),
        "",
        "",
        ratio(lambda c: c.connect),
        ratio(lambda c: c.first_packet),
        ratio(lambda c: c.cpu),
    )


def connects(results: Sequence[ConnectTimes]) -> str:
    """Cold and warm connects of an idle bot."""
    rows: list[Sequence[str]] = []
    for one in results:
        if one.error:
            rows.append((one.client, one.error, "", "", "", ""))
            continue
        for name, part in (("cold (first)", slice(0, 1)), ("warm", slice(1, None))):
            connect = sorted(one.connects[part])
            first = sorted(value for value in one.first_packets[part] if value is not None)
            if not connect:
                continue
            middle = first[len(first) // 2] if first else None
            missed = one.client == ISOCORD and middle is not None and middle > CONNECT_AIM
            best = first[0] if first else None
            rows.append(
                (
                    one.client,
                    name,
                    f"{len(connect)}",
                    number(connect[len(connect) // 2]),
                    number(middle, miss=missed),
                    number(best),
                )
            )
    return table(("client", "connect", "times", "connect p50", "1st packet p50", "1st packet best"), rows)


def steps(results: Sequence[Step]) -> str:
    """Many streams at once."""
    rows: list[Sequence[str]] = []
    for step in results:
        timing = step.timing
        memory = step.stream_kb / 1024
        rows.append(
            (
                step.kind,
                str(step.streams),
                "" if timing else "no packet came",
                number(timing.rate if timing else None, 2, miss=bool(timing) and _slow(step)),
                number(step.worst_rate, 2),
                number(timing.gap_p50 if timing else None, 2),
                number(timing.off_p99 if timing else None, 2),
                number(timing.gap_max if timing else None, 1),
                number(timing.late if timing else None, 0, miss=bool(timing and timing.late)),
                number(timing.lost if timing else None, 0),
                number(step.underruns, 0),
                number(step.missed, 0),
                number(step.cpu, 2),
                number(memory, 3, miss=memory > MEMORY_AIM),
                number(step.connection_kb / 1024, 3),
            )
        )
    return table(
        (
            "source",
            "streams",
            "",
            "packets/s each",
            "slowest",
            "gap p50",
            "p99 |gap-20|",
            "max gap",
            ">40 ms",
            "lost",
            "underruns",
            "missed",
            "CPU ms/s each",
            "MB a stream",
            "MB a connection",
        ),
        rows,
    )


def broadcast(results: Sequence[Step]) -> str:
    """What a listener of one Broadcast costs beside a stream of packets that were encoded before."""
    cpu = {(step.kind, step.streams): step.cpu for step in results}
    shares = [
        f"x {cpu[BROADCAST, streams] / passthrough:.2f} at {streams}"
        for (kind, streams), passthrough in cpu.items()
        if kind == PASSTHROUGH and (BROADCAST, streams) in cpu
    ]
    return f"  CPU of a Broadcast's listener, in that of a passthrough stream: {', '.join(shares) or '-'}"


def _slow(step: Step) -> bool:
    return step.timing is not None and abs(step.timing.rate - RATE_AIM) > RATE_SLACK


def overhead(result: Overhead) -> str:
    """One encoded stream beside libopus."""
    rows = [("libopus alone, one frame after the other", "", "", number(result.libopus, 2), "")]
    for name, cpu in (("isocord.AudioFile, a WAV file", result.file), ("PCM from a thread in Python", result.pcm)):
        share = cpu / result.libopus
        rows.append((name, "", "", number(cpu, 2), f"x {share:.3f}{_MISS if share > LIBOPUS_AIM else ''}"))
    floor = f"x {result.floor / result.libopus:.3f}"
    rows.append(("sleep 20 ms and send a datagram, nothing else", "", "", number(result.floor, 2), floor))
    return table(("what the process does", "", "", "CPU ms/s", "of libopus"), rows)
