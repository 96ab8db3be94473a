# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The plots of a replay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import math
from typing import Any

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.sensors import NEVER
from distill_runtime.data.replay.compare import Difference
from distill_runtime.data.replay.replay import Replay
import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .bands import Band, LOOKS
from .downsample import downsampled, greatest

OWN, RECORDED = '#1f5fc4', '#f5b171'
_COLUMNS = 3
_LEAST = 1e-9  # below it differences are drawn alike


def mode_figure(stretches: Sequence[Band]) -> Any:  # noqa: ANN401 - of plotly
    """Return modes, faults and ticks that are not valid, on the time axis."""
    figure = go.Figure()
    for kind, colour in LOOKS.items():
        own = [band for band in stretches if band.kind == kind]
        if own:
            figure.add_bar(
                x=[band.end - band.begin for band in own], base=[band.begin for band in own],
                y=['mode'] * len(own), orientation='h', name=kind,
                marker={'color': colour, 'line': {'width': 0}},
                hovertemplate=f'{kind}: from %{{base:.2f}} s, for %{{x:.2f}} s<extra></extra>',
            )  # fmt: skip
    figure.update_layout(barmode='overlay', bargap=0, height=120, xaxis_title='time in s')
    figure.update_yaxes(visible=False, fixedrange=True)
    return figure


def command_figure(
    replay: Replay, reference: FloatArray | None, names: tuple[str, ...], seconds: FloatArray
) -> Any:  # noqa: ANN401 - of plotly
    """Return the commands of both, joint by joint, with one zoom in time for all."""
    rows = math.ceil(len(names) / _COLUMNS)
    figure = make_subplots(
        rows, _COLUMNS, shared_xaxes='all', subplot_titles=names,
        vertical_spacing=0.25 / max(rows, 2), horizontal_spacing=0.05,
    )  # fmt: skip
    own = np.where(replay.playback.sends[:, None], replay.commands, np.nan)
    series = [('replay', OWN, own, 1.3)]
    if reference is not None:
        series.insert(0, ('reference', RECORDED, reference, 3.0))
    for joint in range(len(names)):
        place = {'row': joint // _COLUMNS + 1, 'col': joint % _COLUMNS + 1}
        for name, colour, values, width in series:
            x, y = downsampled(seconds, values[:, joint])
            figure.add_trace(
                go.Scatter(
                    x=x, y=y, name=name, legendgroup=name, showlegend=joint == 0,
                    line={'color': colour, 'width': width},
                ),
                **place,
            )  # fmt: skip
    figure.update_annotations(font_size=12)
    figure.update_layout(
        height=60 + 170 * rows, legend={'y': 1.0 + 0.12 / rows}, margin={'l': 60, 'r': 20}
    )
    figure.update_xaxes(showticklabels=True)
    return figure


def error_figure(difference: Difference, seconds: FloatArray) -> Any:  # noqa: ANN401 - of plotly
    """Return the differences over time as a heat map, one row per joint or term."""
    error = greatest(difference.error.astype(np.float64))
    times = greatest(seconds[:, None])[:, 0]
    powers = np.log10(np.clip(error, _LEAST, 1e9))
    figure = go.Figure(
        go.Heatmap(
            x=times, y=[column.name for column in difference.columns], z=powers.T,
            customdata=error.T, zmin=math.log10(_LEAST), zmax=0.0,
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
    """Return how old the samples were that each tick used."""
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
    """Return histograms of the time between ticks, and of their lateness where it was logged."""
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
                marker={'color': OWN, 'line': {'width': 0}},
                hovertemplate='%{x:.3f} ms: %{y}<extra></extra>',
            ),
            1, column,
        )  # fmt: skip
    figure.update_layout(height=260, bargap=0.05)
    figure.update_xaxes(title_text='ms')
    figure.update_yaxes(title_text='ticks', type='log')
    return figure


def on_time_axis(figure: Any, stretches: Sequence[Band], end: float) -> None:  # noqa: ANN401
    """Give a figure the time axis that all share, and shade what is no policy mode.

    Args:
        figure: Of plotly; x is the time in [s].
        stretches: What each tick was.
        end: Time of the last tick, in [s].
    """
    figure.update_xaxes(range=[0.0, end])
    axes = [name.removeprefix('xaxis') for name in figure.layout if name.startswith('xaxis')]
    figure.update_layout(
        shapes=[
            {
                'type': 'rect', 'xref': f'x{axis}', 'yref': f'y{axis} domain', 'layer': 'below',
                'x0': band.begin, 'x1': band.end, 'y0': 0, 'y1': 1, 'line': {'width': 0},
                'fillcolor': LOOKS[band.kind], 'opacity': 0.25,
            }
            for axis in axes
            for band in stretches
            if band.kind != 'policy'
        ]
    )  # fmt: skip


def styled(figures: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield title and figure, all of one look."""
    for title, figure in figures.items():
        margin = {'t': 40, 'b': 45, 'r': 90, 'l': 150, **figure.layout.margin.to_plotly_json()}
        figure.update_layout(
            template='plotly_white', margin=margin, hoverlabel={'namelength': -1},
            font={'family': 'system-ui, sans-serif', 'size': 12}, plot_bgcolor='rgba(0,0,0,0)',
            legend={
                'orientation': 'h', 'yanchor': 'bottom', 'y': 1.02,
                **figure.layout.legend.to_plotly_json(),
            },
        )  # fmt: skip
        yield title, figure
