# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Live panel of the demo on standard error: redrawn in a terminal, lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import contextlib
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.panel import Panel as Frame
from rich.table import Table

if TYPE_CHECKING:
    from distill_runtime.ros.demo.monitor import DemoResult, Panel


@contextlib.contextmanager
def open_panel() -> Iterator[Panel]:
    """Open a live panel in a terminal, or a line printer elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    with Live(console=console, refresh_per_second=10, transient=True) as live:
        yield _Redrawn(live)


class _Redrawn:
    """Redraws a framed table."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(
        self, result: DemoResult, command: Sequence[float], velocity: Sequence[float]
    ) -> None:
        table = Table.grid(padding=(0, 2))
        style = {'policy': 'green', 'fault': 'red'}.get(result.mode, 'yellow')
        table.add_row('mode', f'[{style}]{result.mode}[/] {result.reason}')
        table.add_row('commanded', _velocity(command))
        table.add_row('real', _velocity(velocity))
        table.add_row(
            'walked', f'{result.walked_distance:5.2f} m of {result.commanded_distance:5.2f} m'
        )
        table.add_row('rate', f'{result.rate:.2f} Hz')
        table.add_row(
            'latency',
            f'{result.latency_p50_us:.0f} us median, {result.latency_p99_us:.0f} us p99',
        )
        table.add_row('jitter', f'{result.jitter_p99_us:.0f} us p99')
        table.add_row('missed', f'{result.missed} of {result.ticks} deadlines')
        self._live.update(Frame(table, title='distill_runtime demo', expand=False))


class _Lines:
    """Prints a line every two seconds."""

    def __init__(self) -> None:
        self._next = 0.0

    def show(
        self, result: DemoResult, command: Sequence[float], velocity: Sequence[float]
    ) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + 2.0
        print(
            f'{result.mode:9} commanded {_velocity(command)}  real {_velocity(velocity)}  '
            f'{result.rate:6.2f} Hz  latency {result.latency_p50_us:.0f}/'
            f'{result.latency_p99_us:.0f} us  jitter {result.jitter_p99_us:.0f} us  '
            f'missed {result.missed}',
            file=sys.stderr,
            flush=True,
        )


def _velocity(values: Sequence[float]) -> str:
    vx, vy, yaw = values
    return f'{vx:5.2f} {vy:5.2f} m/s {yaw:5.2f} rad/s'
