# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Plot of the observation, term by term, as replayed and as recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from distill_runtime.core.arrays import FloatArray
from distill_runtime.data.replay.assessment import observation_groups
from distill_runtime.data.replay.replay import Replay
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.spec.compile import compile_spec
from distill_runtime.spec.observation_table import observation_rows
import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .downsample import downsampled_columns, INTERVALS

MAX_LINES = 16
"""Terms with more elements are drawn as heat maps."""
MAX_NAMED = 6
"""Terms with more elements have no legend: there is no room next to the plot."""
PALETTE = (
    '#1f5fc4', '#d1603d', '#2f8f5b', '#8e5bb5', '#b58900', '#2aa1a1', '#c2407f', '#6b7280',
)  # fmt: skip
_ROW_HEIGHT = 170


class _PlottedTerm(NamedTuple):
    """The newest frame of a term."""

    name: str
    unit: str
    columns: tuple[int, ...]
    """In the observation."""
    labels: tuple[str, ...]


def term_figure(replay: Replay, policy: LoadedPolicy, seconds: FloatArray) -> Any:  # noqa: ANN401
    """Plot the newest frame of each term over time, as the network reads it."""
    terms = list(_terms(policy))
    figure = make_subplots(
        len(terms), 1, shared_xaxes='all', vertical_spacing=0.35 / max(len(terms), 2),
        subplot_titles=[f'{term.name}{term.unit}' for term in terms],
    )  # fmt: skip
    playback = replay.playback
    recorded = replay.run.observations()
    for row, term in enumerate(terms, 1):
        if len(term.columns) > MAX_LINES:
            figure.add_trace(_heat_map(term, replay, seconds), row, 1)
            continue
        points = downsampled_columns(seconds, playback.observation, term.columns, playback.ran)
        if recorded is not None:
            recorded_points = downsampled_columns(seconds, recorded, term.columns, playback.ran)
            for trace in _lines(term, recorded_points, ' recorded', width=4.0, opacity=0.3):
                figure.add_trace(trace.update(showlegend=False), row, 1)
        for trace in _lines(term, points, '', width=1.2, opacity=1.0):
            named = len(term.columns) <= MAX_NAMED
            figure.add_trace(trace.update(showlegend=named, legend=_legend(row)), row, 1)
    figure.update_annotations(font_size=12)
    figure.update_xaxes(showticklabels=True)
    figure.update_layout(height=60 + _ROW_HEIGHT * len(terms), **_legends(figure, len(terms)))
    return figure


def _legends(figure: Any, count: int) -> dict[str, object]:  # noqa: ANN401 - of plotly
    """Return a legend next to each subplot."""
    return {
        _legend(row): {
            'x': 1.01, 'y': figure.layout[f'yaxis{row if row > 1 else ""}'].domain[1],
            'xanchor': 'left', 'yanchor': 'top', 'orientation': 'v', 'font': {'size': 10},
            'tracegroupgap': 0,
        }
        for row in range(1, count + 1)
    }  # fmt: skip


def _legend(row: int) -> str:
    return f'legend{row if row > 1 else ""}'


def _terms(policy: LoadedPolicy) -> Iterator[_PlottedTerm]:
    """Yield the terms in the order of the observation."""
    spec = policy.spec
    names = iter(observation_groups(policy))
    start = 0
    for entry, rows in zip(spec.inputs, observation_rows(spec, compile_spec(spec)), strict=True):
        for row in rows:
            first, last = row.newest
            is_scaled = any(scale != 1.0 for scale in row.scale)
            unit = f', {row.unit}' if row.unit not in ('', '-') and not is_scaled else ''
            yield _PlottedTerm(
                name=next(names).name,
                unit=f'{unit}, scaled' if is_scaled else unit,
                columns=tuple(range(start + first, start + last + 1)),
                labels=row.elements,
            )
        start += spec.input_dim(entry)


def _lines(
    term: _PlottedTerm,
    points: Sequence[tuple[FloatArray, FloatArray]],
    suffix: str,
    *,
    width: float,
    opacity: float,
) -> Iterator[Any]:
    for index, (label, (x, y)) in enumerate(zip(term.labels, points, strict=True)):
        color = PALETTE[index % len(PALETTE)]
        yield go.Scatter(
            x=x, y=y, name=f'{label}{suffix}', opacity=opacity,
            line={'color': color, 'width': width},
            hovertemplate='%{x:.2f} s: %{y:.4g}',
        )  # fmt: skip


def _heat_map(term: _PlottedTerm, replay: Replay, seconds: FloatArray) -> Any:  # noqa: ANN401
    """Return a term with many elements, at some of the ticks."""
    playback = replay.playback
    rows = np.unique(np.linspace(0, len(seconds) - 1, INTERVALS).astype(np.intp))
    values = np.array([playback.observation[row : row + 1][0, list(term.columns)] for row in rows])
    values[~playback.ran[rows]] = np.nan
    return go.Heatmap(
        x=seconds[rows], y=list(term.labels), z=values.T, showscale=False, hoverongaps=False,
        colorscale='RdBu', zmid=0.0,
        hovertemplate='%{y}, %{x:.2f} s: %{z:.4g}<extra></extra>',
    )  # fmt: skip
