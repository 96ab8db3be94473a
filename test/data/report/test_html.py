# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Plots and the page of a replay."""

from __future__ import annotations

import re
import shutil
import subprocess
from types import SimpleNamespace

from distill_runtime.core.modes import Mode
from distill_runtime.data.recording.policy_recording import read_policy_recording
from distill_runtime.data.replay.assessment import assess
from distill_runtime.data.replay.config import replay_config
from distill_runtime.data.replay.replay import replay
from distill_runtime.data.replay.verdict import read_thresholds
from distill_runtime.policy.model import load_policy
import numpy as np
import pytest
from support.logged_run import LIMITS, run_node, write_log
from support.ros_policies import JOINT_TERM, write_policy

pytest.importorskip('jinja2', reason='no jinja2 here')
pytest.importorskip('plotly', reason='no plotly here')
pytestmark = pytest.mark.needs('policy')
BROWSER = shutil.which('chromium') or shutil.which('chromium-browser')
TERMS = ({'term': 'projected_gravity'}, {**JOINT_TERM, 'scale': 2.0})


def bands_of(modes, invalid=()):
    from distill_runtime.data.report.figures import bands

    is_valid = np.ones(len(modes), np.bool_)
    is_valid[list(invalid)] = False
    playback = SimpleNamespace(mode=np.array(modes), is_valid=is_valid)
    return bands(SimpleNamespace(playback=playback), 0.1 * np.arange(len(modes)))


def test_modes_become_bands_without_gaps():
    modes = [Mode.STANDBY] * 3 + [Mode.POLICY] * 4 + [Mode.STOPPING] * 2 + [Mode.FAULT] * 3
    found = bands_of(modes, invalid=(5, 6, 9, 10))
    assert [band.kind for band in found] == [
        'standby', 'policy', 'not valid', 'stopping', 'fault'
    ]  # fmt: skip
    assert [band.begin for band in found] == pytest.approx([0.0, 0.3, 0.5, 0.7, 0.9])
    assert [band.end for band in found] == pytest.approx([0.3, 0.5, 0.7, 0.9, 1.1])


def test_many_changes_are_merged_without_losing_a_fault():
    modes = [Mode.POLICY, Mode.STANDBY] * 2000
    modes[1234] = Mode.FAULT
    found = bands_of(modes)
    assert len(found) <= 200
    (fault,) = [band for band in found if band.kind == 'fault']
    assert fault.begin <= 123.4 <= fault.end
    assert (found[0].begin, found[-1].end) == (0.0, pytest.approx(399.9))


def replayed(tmp_path, *terms, parameters=None, **changes):
    """Return a policy and its replay over a recording of itself."""
    policy = load_policy(write_policy(tmp_path, *terms, **changes))
    path = write_log(tmp_path / 'bag', run_node(policy))
    config = replay_config({**LIMITS, **(parameters or {})})
    return policy, replay(read_policy_recording(path, policy), policy, config)


def figure_of(tmp_path, **changes):
    """Return the plot of the terms, its traces by name, and the observation."""
    from distill_runtime.data.report.terms import term_figure

    policy, result = replayed(tmp_path, *TERMS, **changes)
    figure = term_figure(result, policy, 0.02 * np.arange(60))
    named = {trace.name: trace for trace in figure.data}
    return figure, named, np.asarray(result.playback.observation)


def test_lines_are_the_replayed_and_recorded_columns_of_the_observation(tmp_path):
    figure, named, observation = figure_of(tmp_path)
    assert [note.text for note in figure.layout.annotations] == [
        'projected_gravity', 'joint_position, scaled'
    ]  # fmt: skip
    assert list(named)[6:] == [
        'hip recorded', 'knee recorded', 'ankle recorded', 'hip', 'knee', 'ankle'
    ]  # fmt: skip
    np.testing.assert_array_equal(named['knee'].y, observation[:, 4])
    np.testing.assert_array_equal(named['knee recorded'].y, observation[:, 4])
    assert named['knee'].legend != named['x'].legend
    assert not named['knee recorded'].showlegend


def test_newest_frame_of_a_history_is_shown(tmp_path):
    history = {'length': 3, 'major': 'frame', 'order': 'oldest_first', 'fill': 'first'}
    _, named, observation = figure_of(tmp_path, history=history)
    np.testing.assert_array_equal(named['hip'].y, observation[:, -3])


def test_term_of_many_elements_is_a_heat_map(tmp_path, monkeypatch):
    from distill_runtime.data.report import terms as report_terms

    monkeypatch.setattr(report_terms, 'MAX_LINES', 2)
    figure, _, observation = figure_of(tmp_path)
    assert [trace.type for trace in figure.data] == ['heatmap', 'heatmap']
    np.testing.assert_array_equal(figure.data[1].z, observation[:, 3:].T)
    assert figure.data[1].y == ('hip', 'knee', 'ankle')


def page_of(folder, **parameters):
    from distill_runtime.data.report.html import html_report

    policy, result = replayed(folder, parameters=parameters)
    found = assess(result, policy, read_thresholds(None))
    return html_report(result, policy, found, {'recording': '<walk>'}, result.run.commands())


def body_of(page):
    """Return a page without the megabytes of plotly."""
    return page.partition('</head>')[2]


def test_page_needs_no_network_and_escapes_what_it_shows(tmp_path):
    whole = page_of(tmp_path)
    assert re.search(r'<(script|link|img|iframe)[^>]+(src|href)=', whole) is None
    page = body_of(whole)
    assert '&lt;walk&gt;' in page
    assert '<span class="verdict within">pass</span>' in page
    assert 'Difference of commands' not in page  # all are equal
    assert '"fillcolor"' not in page


def test_page_shows_breaches(tmp_path):
    page = body_of(page_of(tmp_path, max_joint_step=0.01))
    assert '<span class="verdict outside">fail</span>' in page
    assert 'commands of hip: max is' in page
    assert 'Difference of commands' in page


def test_all_but_policy_mode_is_shaded_on_every_time_axis(tmp_path):
    page = body_of(page_of(tmp_path, tilt_limit=0.1))
    joints, terms, others = 3, 6, 1  # ages
    assert page.count('"fillcolor":"#d9534f"') >= joints + terms + others


ZOOM = """
<script>
const drawn = [...document.querySelectorAll('.time .plotly-graph-div')];
const digits = (x) => x.toFixed(3);
const ranges = () => drawn.map((plot) => plot.layout.xaxis.range.map(digits).join(' '));
setTimeout(async () => {
  const first = ranges();
  await Plotly.relayout(drawn[1], {'xaxis2.range[0]': 0.2, 'xaxis2.range[1]': 0.5});
  await new Promise((done) => setTimeout(done, 500));
  const near = ranges();
  await Plotly.relayout(drawn[3], {'xaxis.autorange': true});
  await new Promise((done) => setTimeout(done, 500));
  document.title = [first, near, ranges()].map((t) => t.join(',')).join('|');
}, 1000);
</script>
"""


@pytest.mark.skipif(BROWSER is None, reason='no chromium here')
def test_browser_draws_every_plot_and_zooms_all_in_time_at_once(tmp_path):
    path = tmp_path / 'page.html'
    page = page_of(tmp_path, max_joint_step=0.01).replace('</body>', f'{ZOOM}</body>')
    path.write_text(page, encoding='utf-8')
    words = ['--headless', '--no-sandbox', '--disable-gpu', '--virtual-time-budget=10000']
    result = subprocess.run(
        [BROWSER, *words, f'--user-data-dir={tmp_path / "profile"}', '--dump-dom', path.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    dom = re.sub('<script.*?</script>', '', result.stdout, flags=re.DOTALL)
    num_plots = dom.count('class="plotly-graph-div')
    assert num_plots >= 6
    assert len(re.findall(r'<div class="plot-container plotly', dom)) == num_plots
    assert dom.count('class="subplot xy') >= num_plots
    first, near, last = re.search('<title>(.*)</title>', dom).group(1).split('|')
    num_linked = dom.count('<section class="time">')
    assert num_linked >= 5
    assert first == last == ','.join(['0.000 1.180'] * num_linked)
    assert near == ','.join(['0.200 0.500'] * num_linked)
