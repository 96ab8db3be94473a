# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Render a replay as one HTML file that needs no other files and no network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from distill_runtime.core.arrays import FloatArray
from distill_runtime.data.replay.assessment import Assessment, times
from distill_runtime.data.replay.replay import Replay
from distill_runtime.policy.model import LoadedPolicy
from jinja2 import Environment, FileSystemLoader, StrictUndefined
import numpy as np
from plotly.offline import get_plotlyjs

from .downsample import is_long
from .figures import (
    age_figure,
    bands,
    command_figure,
    error_figure,
    mode_figure,
    set_style,
    set_time_axis,
    timing_figure,
)
from .terms import term_figure

_MAX_BREACHES = 20
_VERDICTS = {'within': 'pass', 'outside': 'fail', 'not_compared': 'inconclusive'}
_NOTES = {
    'Commands': 'Thick: the reference. Thin: the replay.',
    'Observation': 'The newest frame of each term, as the network reads it. Pale and thick: '
    'recorded.',
}


class _Section(NamedTuple):
    """A titled plot."""

    title: str
    note: str
    is_over_time: bool
    plot: str


def html_report(
    replay: Replay,
    policy: LoadedPolicy,
    found: Assessment,
    facts: Mapping[str, str],
    reference: FloatArray | None,
) -> str:
    """Return the page.

    Args:
        replay: Of the policy.
        policy: The replayed policy.
        found: Its assessment.
        facts: Provenance: name and value.
        reference: Reference commands, shape (T, num_joints); None: there are none.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template('page.html.jinja').render(
        name=policy.spec.name,
        verdict=_VERDICTS[found.verdict],
        found=found,
        facts=facts,
        max_breaches=_MAX_BREACHES,
        is_downsampled=is_long(len(replay.playback.mode)),
        sections=_sections(replay, policy, found, reference),
        plotly_js=get_plotlyjs(),
    )


def _sections(
    replay: Replay, policy: LoadedPolicy, found: Assessment, reference: FloatArray | None
) -> list[_Section]:
    seconds = np.array(times(replay))
    mode_bands = bands(replay, seconds)
    over_time = {
        'Modes': mode_figure(mode_bands),
        'Commands': command_figure(replay, reference, policy.spec.joints, seconds),
        **{
            f'Difference of {entry.what}': error_figure(entry, seconds)
            for entry in found.differences
            if entry.num_equal < entry.num_ticks
        },
        'Observation': term_figure(replay, policy, seconds),
        'Age of the inputs': age_figure(replay, seconds),
    }
    for title, figure in over_time.items():
        set_time_axis(figure, mode_bands if title != 'Modes' else (), float(seconds.max()))
    figures = {**over_time, 'Timing': timing_figure(replay)}
    return [
        _Section(title, _NOTES.get(title, ''), title in over_time, _plot(figure))
        for title, figure in figures.items()
    ]


def _plot(figure: Any) -> str:  # noqa: ANN401 - of plotly
    set_style(figure)
    config = {'displaylogo': False, 'responsive': True}
    return str(figure.to_html(full_html=False, include_plotlyjs=False, config=config))
