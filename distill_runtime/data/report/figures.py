# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Plots of a replay over time: modes, commands, differences, ages, timing."""

from __future__ import annotations

from collections.abc import Sequence
import math
from typing import Any, NamedTuple

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.modes import Mode
from distill_runtime.core.sensors import NEVER
from distill_runtime.data.replay.compare import Difference
from distill_runtime.data.replay.replay import Replay
import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .downsample import downsampled, maxima

MAX_BANDS = 200
"""Bands in a plot."""
COLORS = {
    'policy': '#57ab5a',
    'standby': '#8fb8de',
    'stopping': '#b9a6dd',
    'not valid': '#d0d4da',
    'fault': '#d9534f',
}
"""By kind of band; the last kind wins where several share a pixel."""
_KINDS = tuple(COLORS)
_REPLAY, _REFERENCE = '#1f5fc4', '#f5b171'
_COLUMNS = 3
_MIN_ERROR = 1e-9  # smaller ones have the same color


class Band(NamedTuple):
    """A period of one kind, from its first tick to the tick after its last one, in [s]."""

    begin: float
    end: float
    kind: str
    """A key of COLORS."""


def bands(replay: Replay, seconds: FloatArray) -> list[Band]:
    """Return bands of modes and of ticks that are not valid; they cover all of the time."""
    playback = replay.playback
    kinds = np.full(len(seconds), _KINDS.index('policy'))
    kinds[playback.mode == Mode.STANDBY] = _KINDS.index('standby')
    kinds[playback.mode == Mode.STOPPING] = _KINDS.index('stopping')
    kinds[~playback.is_valid] = _KINDS.index('not valid')
    kinds[playback.mode == Mode.FAULT] = _KINDS.index('fault')
    starts = np.arange(len(kinds))
    if np.count_nonzero(np.diff(kinds)) >= MAX_BANDS:
        starts = np.linspace(0, len(kinds), MAX_BANDS, endpoint=False).astype(np.intp)
        kinds = np.maximum.reduceat(kinds, starts)
    first = np.flatnonzero(np.diff(kinds, prepend=-1))
    begins = starts[first]
    ends = np.append(begins[1:], len(seconds) - 1)
    return [
        Band(float(seconds[begin]), float(seconds[end]), _KINDS[kind])
        for begin, end, kind in zip(begins, ends, kinds[first], strict=True)
    ]


def mode_figure(mode_bands: Sequence[Band]) -> Any:  # noqa: ANN401 - of plotly
    """Plot modes, faults and ticks that are not valid."""
    figure = go.Figure()
    for kind, color in COLORS.items():
        of_kind = [band for band in mode_bands if band.kind == kind]
        if of_kind:
            figure.add_bar(
                x=[band.end - band.begin for band in of_kind],
                base=[band.begin for band in of_kind],
                y=['mode'] * len(of_kind), orientation='h', name=kind,
                marker={'color': color, 'line': {'width': 0}},
                hovertemplate=f'{kind}: from %{{base:.2f}} s, for %{{x:.2f}} s<extra></extra>',
            )  # fmt: skip
    figure.update_layout(barmode='overlay', bargap=0, height=120, xaxis_title='time in s')
    figure.update_yaxes(visible=False, fixedrange=True)
    return figure


def command_figure(
    replay: Replay, reference: FloatArray | None, names: tuple[str, ...], seconds: FloatArray
) -> Any:  # noqa: ANN401 - of plotly
    """Plot the commands of replay and reference, joint by joint."""
    rows = math.ceil(len(names) / _COLUMNS)
    figure = make_subplots(
        rows, _COLUMNS, shared_xaxes='all', subplot_titles=names,
        vertical_spacing=0.25 / max(rows, 2), horizontal_spacing=0.05,
    )  # fmt: skip
    sent = np.where(replay.playback.sends[:, None], replay.commands, np.nan)
    series = [('replay', _REPLAY, sent, 1.3)]
    if reference is not None:
        series.insert(0, ('reference', _REFERENCE, reference, 3.0))
    for joint in range(len(names)):
        cell = {'row': joint // _COLUMNS + 1, 'col': joint % _COLUMNS + 1}
        for name, color, values, width in series:
            x, y = downsampled(seconds, values[:, joint])
            figure.add_trace(
                go.Scatter(
                    x=x, y=y, name=name, legendgroup=name, showlegend=joint == 0,
                    line={'color': color, 'width': width},
                ),
                **cell,
            )  # fmt: skip
    figure.update_annotations(font_size=12)
    figure.update_layout(
        height=60 + 170 * rows, legend={'y': 1.0 + 0.12 / rows}, margin={'l': 60, 'r': 20}
    )
    figure.update_xaxes(showticklabels=True)
    return figure


def error_figure(difference: Difference, seconds: FloatArray) -> Any:  # noqa: ANN401 - of plotly
    """Plot the differences as a heat map, one row per joint or term."""
    error = maxima(difference.error.astype(np.float64))
    times = maxima(seconds[:, None])[:, 0]
    exponents = np.log10(np.clip(error, _MIN_ERROR, 1e9))
    figure = go.Figure(
        go.Heatmap(
            x=times, y=[column.name for column in difference.columns], z=exponents.T,
            customdata=error.T, zmin=math.log10(_MIN_ERROR), zmax=0.0,
            colorscale='YlOrRd', hoverongaps=False,
            hovertemplate='%{y}, %{x:.2f} s: %{customdata:.3g}<extra></extra>',
            colorbar={
                'title': difference.unit, 'thickness': 12, 'tickvals': [-9, -7, -5, -3, -1],
                'ticktext': ['1e-9', '1e-7', '1e-5', '1e-3', '0.1'],
            },
        )
    )  # fmt: skip
    figure.update_yaxes(autorange='reversed')
    figure.update_layout(
        height=max(220, 110 + 20 * len(difference.columns)), xaxis_title='time in s'
    )
    return figure


def age_figure(replay: Replay, seconds: FloatArray) -> Any:  # noqa: ANN401 - of plotly
    """Plot the age of the samples that each tick used."""
    ticks = replay.playback.ticks
    figure = go.Figure()
    for name, stamps in zip(('joint_states', 'imu', 'odom', 'cmd_vel'), ticks.stamps, strict=True):
        age = np.where(stamps == NEVER, np.nan, (ticks.stamp_ns - stamps) / 1e6)
        if not np.isnan(age).all():
            x, y = downsampled(seconds, age)
            figure.add_scatter(x=x, y=y, name=name, line={'width': 1})
    figure.update_layout(height=260, xaxis_title='time in s', yaxis_title='age in ms')
    return figure


def timing_figure(replay: Replay) -> Any:  # noqa: ANN401 - of plotly
    """Plot histograms of the tick period, and of the lateness where it was logged."""
    log = replay.source.log
    series = [('time between ticks', np.diff(replay.playback.stamp_ns) / 1e6)]
    if log is not None:
        series.append(('lateness of ticks', log.lateness_ns / 1e6))
    figure = make_subplots(1, len(series), subplot_titles=[name for name, _ in series])
    for column, (name, values) in enumerate(series, 1):
        counts, edges = np.histogram(values, bins=60)
        figure.add_trace(
            go.Bar(
                x=(edges[1:] + edges[:-1]) / 2, y=counts, name=name, showlegend=False,
                marker={'color': _REPLAY, 'line': {'width': 0}},
                hovertemplate='%{x:.3f} ms: %{y}<extra></extra>',
            ),
            1, column,
        )  # fmt: skip
    figure.update_layout(height=260, bargap=0.05)
    figure.update_xaxes(title_text='ms')
    figure.update_yaxes(title_text='ticks', type='log')
    return figure


def set_time_axis(figure: Any, mode_bands: Sequence[Band], end: float) -> None:  # noqa: ANN401
    """Set the common time axis of a figure, and shade all bands but policy mode.

    Args:
        figure: Of plotly; x is the time in [s].
        mode_bands: The bands.
        end: Time of the last tick, in [s].
    """
    figure.update_xaxes(range=[0.0, end])
    axes = [name.removeprefix('xaxis') for name in figure.layout if name.startswith('xaxis')]
    figure.update_layout(
        shapes=[
            {
                'type': 'rect', 'xref': f'x{axis}', 'yref': f'y{axis} domain', 'layer': 'below',
                'x0': band.begin, 'x1': band.end, 'y0': 0, 'y1': 1, 'line': {'width': 0},
                'fillcolor': COLORS[band.kind], 'opacity': 0.25,
            }
            for axis in axes
            for band in mode_bands
            if band.kind != 'policy'
        ]
    )  # fmt: skip


def set_style(figure: Any) -> None:  # noqa: ANN401 - of plotly
    """Set the common style of a figure."""
    margin = {'t': 40, 'b': 45, 'r': 90, 'l': 150, **figure.layout.margin.to_plotly_json()}
    figure.update_layout(
        template='plotly_white', margin=margin, hoverlabel={'namelength': -1},
        font={'family': 'system-ui, sans-serif', 'size': 12}, plot_bgcolor='rgba(0,0,0,0)',
        legend={
            'orientation': 'h', 'yanchor': 'bottom', 'y': 1.02,
            **figure.layout.legend.to_plotly_json(),
        },
    )  # fmt: skip
