# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A replay as one HTML file: it needs nothing beside it and no network."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from distill_runtime.data.replay.assessment import Assessment, times
from distill_runtime.data.replay.replay import Replay
from distill_runtime.policy.model import LoadedPolicy
import numpy as np
from plotly.offline import get_plotlyjs

from .bands import bands
from .downsample import is_long
from .figures import (
    age_figure,
    command_figure,
    error_figure,
    mode_figure,
    on_time_axis,
    styled,
    timing_figure,
)
from .terms import term_figure

_MAX_BREACHES = 20
_VERDICTS = {
    'within': ('within the rules', '#2e7d32'),
    'outside': ('outside the rules', '#c62828'),
    'not_compared': ('not compared', '#8a6d00'),
}
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2024; margin: 0; background: #f6f7f9 }
main { max-width: 1180px; margin: 0 auto; padding: 24px }
h1 { font-size: 22px; margin: 0 0 4px } h2 { font-size: 16px; margin: 0 0 4px }
section { background: #fff; border: 1px solid #e3e6ea; border-radius: 8px; padding: 16px 20px;
  margin: 16px 0 }
.verdict { display: inline-block; color: #fff; border-radius: 5px; padding: 3px 12px;
  font-weight: 600 }
table { border-collapse: collapse; font-size: 13px } td, th { padding: 2px 14px 2px 0;
  text-align: left; vertical-align: top } td.n, th.n { text-align: right }
code { overflow-wrap: anywhere } li { margin: 3px 0 } .note { color: #626a73; font-size: 13px }
"""


def html_report(
    replay: Replay,
    policy: LoadedPolicy,
    found: Assessment,
    facts: Mapping[str, str],
    reference: Any,  # noqa: ANN401 - an array of floats, or None
) -> str:
    """Return the page.

    Args:
        replay: Of the policy.
        policy: That was replayed.
        found: What the replay says.
        facts: Provenance: name and value.
        reference: Commands that it is compared with, shape (T, num_joints); None: there are none.
    """
    seconds = np.array(times(replay))
    shown = bands(replay, seconds)
    on_time = {
        'Modes': mode_figure(shown),
        'Commands': command_figure(replay, reference, policy.spec.joints, seconds),
        **{
            f'Difference of {entry.what}': error_figure(entry, seconds)
            for entry in found.differences
            if entry.num_equal < entry.num_ticks
        },
        'Observation': term_figure(replay, policy, seconds),
        'Age of the inputs': age_figure(replay, seconds),
    }
    for title, figure in on_time.items():
        on_time_axis(figure, shown if title != 'Modes' else (), float(seconds.max()))
    text, colour = _VERDICTS[found.verdict]
    note = (
        '<p class="note">Long series are thinned: of each stretch the least and the greatest '
        'value are drawn, in heat maps the greatest.</p>'
        if is_long(len(seconds))
        else ''
    )
    sections = ''.join(
        f'<section class="time"><h2>{escape(title)}</h2>{_notes(title)}{_div(figure)}</section>'
        for title, figure in styled(on_time)
    )
    timing = ''.join(
        f'<section><h2>{escape(title)}</h2>{_div(figure)}</section>'
        for title, figure in styled({'Timing': timing_figure(replay)})
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<title>Replay of {escape(policy.spec.name)}</title><style>{_STYLE}</style>'
        f'<script>{get_plotlyjs()}</script></head><body><main>'
        f'<h1>Replay of {escape(policy.spec.name)}</h1>'
        f'<p><span class="verdict" style="background:{colour}">{text}</span></p>'
        f'<section><h2>What and where from</h2>{_facts(facts)}</section>'
        f'{_breaches(found)}{_tables(found)}'
        '<p class="note">Zoom in one plot over time zooms all; a double click shows all of it. '
        'Shaded: standby, faults, ticks that are not valid.</p>'
        f'{note}{sections}{timing}</main><script>{_LINK}</script></body></html>\n'
    )


def _div(figure: Any) -> str:  # noqa: ANN401 - of plotly
    return str(figure.to_html(full_html=False, include_plotlyjs=False, config=_CONFIG))


def _notes(title: str) -> str:
    """Return what has to be said of a plot."""
    text = _NOTES.get(title)
    return f'<p class="note">{escape(text)}</p>' if text else ''


_NOTES = {
    'Commands': 'Thick: what it is compared with. Thin: the replay.',
    'Observation': 'The newest frame of each term, as the network sees it. Pale and thick: what '
    'was recorded.',
}
_LINK = """
const plots = [...document.querySelectorAll('.time .plotly-graph-div')];
const whole = plots.length ? [...plots[0].layout.xaxis.range] : [];
let busy = false;
function rangeOf(change) {
  for (const [key, value] of Object.entries(change)) {
    if (/^xaxis\\d*\\.autorange$/.test(key)) return whole;
    if (/^xaxis\\d*\\.range$/.test(key)) return value;
    const match = key.match(/^(xaxis\\d*)\\.range\\[0\\]$/);
    if (match) return [value, change[match[1] + '.range[1]']];
  }
  return null;
}
for (const plot of plots) plot.on('plotly_relayout', async (change) => {
  const range = busy ? null : rangeOf(change);
  if (!range) return;
  busy = true;
  await Promise.all(plots.map((other) => Plotly.relayout(other, {'xaxis.range': [...range]})));
  busy = false;
});
"""
_CONFIG = {'displaylogo': False, 'responsive': True}


def _facts(facts: Mapping[str, str]) -> str:
    rows = ''.join(
        f'<tr><th>{escape(name)}</th><td><code>{escape(value)}</code></td></tr>'
        for name, value in facts.items()
    )
    return f'<table>{rows}</table>'


def _breaches(found: Assessment) -> str:
    if not found.breaches:
        return ''
    items = ''.join(f'<li>{escape(entry.text)}</li>' for entry in found.breaches[:_MAX_BREACHES])
    rest = len(found.breaches) - _MAX_BREACHES
    more = f'<p class="note">and {rest} more</p>' if rest > 0 else ''
    return f'<section><h2>Rules that are not kept</h2><ul>{items}</ul>{more}</section>'


def _tables(found: Assessment) -> str:
    """Return the figures of each difference."""
    parts = []
    for entry in found.differences:
        title = f'{entry.what}: {entry.num_ticks} ticks, {entry.num_equal} equal bit for bit'
        if entry.num_equal == entry.num_ticks:
            parts.append(f'<section><h2>{escape(title)}</h2></section>')
            continue
        rows = ''.join(
            f'<tr><td>{escape(column.name)}</td>'
            + ''.join(
                f'<td class="n">{value:.3g}</td>'
                for value in (column.max, column.rms, *column.percentiles)
            )
            + f'<td class="n">{column.num_exceeded or ""}</td></tr>'
            for column in entry.columns
        )
        heads = ''.join(f'<th class="n">{name}</th>' for name in _HEADS)
        parts.append(
            f'<section><h2>{escape(title)}</h2><table><tr><th></th>{heads}</tr>{rows}</table>'
            '</section>'
        )
    return ''.join(parts)


_HEADS = ('max', 'rms', 'p50', 'p95', 'p99', 'beyond')
