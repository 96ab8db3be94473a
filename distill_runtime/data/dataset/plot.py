# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Render a dataset as one HTML file that needs no other files and no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from distill_runtime.core.arrays import FloatArray, IndexArray
from distill_runtime.data.report.figures import set_style
from jinja2 import Environment, FileSystemLoader, StrictUndefined
import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from .dataset import Dataset
from .info import all_reasons, part_infos, PartInfo
from .label_error import Coverage, coverage, label_error, LabelError

_RMS, _MAX = '#1f5fc4', '#f5b171'
_NO_TARGETS = 'The dataset has no targets of the student: no errors to show.'
_NO_COMMANDS = 'The dataset has no velocity commands.'


class _Section(NamedTuple):
    """A titled plot, or only a note."""

    title: str
    note: str
    plot: str


def dataset_page(dataset: Dataset) -> str:
    """Return the page.

    Raises:
        DatasetError: If a part cannot be read.
    """
    infos = part_infos(dataset)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template('page.html.jinja').render(
        name=dataset.student['name'],
        facts=_facts(dataset, infos),
        sections=list(_sections(dataset, infos)),
        plotly_js=get_plotlyjs(),
    )


def _facts(dataset: Dataset, infos: Sequence[PartInfo]) -> dict[str, str]:
    rows, valid = sum(info.rows for info in infos), sum(info.valid for info in infos)
    return {
        'folder': str(dataset.folder),
        'student': _model(dataset.student),
        'teachers': ', '.join(map(_model, dataset.teachers)),
        'bags': str(len(dataset.bags())),
        'rows': f'{rows}, one per tick and teacher; {valid} valid',
        'rules': str(dataset.facts.get('rules') or 'none'),
    }


def _model(facts: Mapping[str, object]) -> str:
    return f'{facts["name"]} ({str(facts["sha256"])[:12]})'


def _sections(dataset: Dataset, infos: Sequence[PartInfo]) -> Iterator[_Section]:
    covered = coverage(dataset)
    if covered is None:
        yield _Section('Velocity commands', _NO_COMMANDS, '')
    else:
        yield _Section(
            'Velocity commands', 'Valid ticks per command.', _plot(_coverage_figure(covered))
        )
    for teacher in dataset.teachers:
        title = f'Error of the student towards {teacher["name"]}'
        found = label_error(dataset, str(teacher['sha256']), covered)
        if found is None:
            yield _Section(title, _NO_TARGETS, '')
            continue
        yield _Section(
            f'{title}, over time', 'Bag after bag; RMS over joints.', _plot(_time_figure(found))
        )
        yield _Section(f'{title}, by joint', '', _plot(_joint_figure(found, dataset.student)))
        if covered is not None and found.command_rms is not None:
            note = 'RMS over joints and ticks.'
            figure = _command_figure(found.command_rms, covered)
            yield _Section(f'{title}, by velocity command', note, _plot(figure))
    yield _Section('Validity', 'Rows per part, by reason.', _plot(_validity_figure(infos)))


def _coverage_figure(covered: Coverage) -> Any:  # noqa: ANN401 - of plotly
    figure = make_subplots(1, 2, horizontal_spacing=0.12)
    for column, (counts, y, name) in enumerate(
        ((covered.vx_vy, 1, 'vy in m/s'), (covered.vx_yaw, 2, 'yaw rate in rad/s')), 1
    ):
        figure.add_trace(
            _heatmap(covered.edges[0], covered.edges[y], _or_nan(counts), 'ticks'), 1, column
        )
        figure.update_xaxes(title_text='vx in m/s', row=1, col=column)
        figure.update_yaxes(title_text=name, row=1, col=column)
    figure.update_traces(coloraxis='coloraxis')
    figure.update_layout(
        height=420, coloraxis={'colorscale': 'Blues', 'colorbar': {'title': 'ticks'}}
    )
    return figure


def _or_nan(counts: IndexArray) -> FloatArray:
    return np.where(counts, counts.astype(np.float64), np.nan)


def _command_figure(rms: FloatArray, covered: Coverage) -> Any:  # noqa: ANN401 - of plotly
    figure = go.Figure(_heatmap(covered.edges[0], covered.edges[2], rms, 'rad'))
    figure.update_layout(height=420, xaxis_title='vx in m/s', yaxis_title='yaw rate in rad/s')
    return figure


def _heatmap(x: FloatArray, y: FloatArray, z: FloatArray, unit: str) -> Any:  # noqa: ANN401
    return go.Heatmap(
        x=x, y=y, z=z.T, colorscale='YlOrRd', hoverongaps=False,
        colorbar={'title': unit, 'thickness': 12},
        hovertemplate=f'%{{x:.2f}}, %{{y:.2f}}: %{{z:.3g}} {unit}<extra></extra>',
    )  # fmt: skip


def _time_figure(found: LabelError) -> Any:  # noqa: ANN401 - of plotly
    known = np.isfinite(found.interval_rms)
    share = np.arange(len(known)) / len(known) * 100.0
    figure = go.Figure(
        go.Scatter(
            x=share[known], y=found.interval_rms[known],
            customdata=np.array(found.interval_bag)[known],
            line={'color': _RMS, 'width': 1.3},
            hovertemplate='%{customdata}: %{y:.3g} rad<extra></extra>',
        )
    )  # fmt: skip
    figure.update_layout(height=280, xaxis_title='% of the rows', yaxis_title='rad')
    return figure


def _joint_figure(found: LabelError, student: Mapping[str, Any]) -> Any:  # noqa: ANN401
    names = student.get('joints') or [f'joint {n}' for n in range(len(found.joint_rms))]
    order = np.argsort(-found.joint_rms)
    figure = go.Figure()
    for name, values, color in (('max', found.joint_max, _MAX), ('RMS', found.joint_rms, _RMS)):
        figure.add_bar(
            x=[names[joint] for joint in order],
            y=values[order],
            name=name,
            marker={'color': color},
        )
    figure.update_layout(height=320, barmode='overlay', yaxis_title='rad')
    return figure


def _validity_figure(infos: Sequence[PartInfo]) -> Any:  # noqa: ANN401 - of plotly
    names = [f'{number} {info.bag}' for number, info in enumerate(infos, 1)]
    figure = go.Figure()
    figure.add_bar(
        y=names, x=[info.valid for info in infos], name='valid', orientation='h',
        marker={'color': '#57ab5a'},
    )  # fmt: skip
    for reason in all_reasons(list(infos)):
        counts = [info.reasons.get(reason, 0) for info in infos]
        figure.add_bar(y=names, x=counts, name=reason, orientation='h')
    figure.update_yaxes(autorange='reversed', type='category')
    figure.update_layout(
        height=max(220, 120 + 22 * len(infos)), barmode='stack', xaxis_title='rows'
    )
    return figure


def _plot(figure: Any) -> str:  # noqa: ANN401 - of plotly
    set_style(figure)
    config = {'displaylogo': False, 'responsive': True}
    return str(figure.to_html(full_html=False, include_plotlyjs=False, config=config))
