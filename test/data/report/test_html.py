# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import shutil
import subprocess

from distill_runtime.data.recording.policy_recording import read_policy_recording
from distill_runtime.data.replay.assessment import assess
from distill_runtime.data.replay.config import replay_config
from distill_runtime.data.replay.replay import replay
from distill_runtime.data.replay.verdict import read_thresholds
from distill_runtime.policy.model import load_policy
import pytest
from support.logged_run import LIMITS, run_node, write_log
from support.ros_policies import write_policy

pytest.importorskip('jinja2', reason='no jinja2 here')
pytest.importorskip('plotly', reason='no plotly here')
pytestmark = pytest.mark.needs('policy')
BROWSER = shutil.which('chromium') or shutil.which('chromium-browser')


def page_of(tmp_path, **parameters):
    from distill_runtime.data.report.html import html_report

    policy = load_policy(write_policy(tmp_path))
    path = write_log(tmp_path / 'bag', run_node(policy))
    result = replay(
        read_policy_recording(path, policy), policy, replay_config({**LIMITS, **parameters})
    )
    found = assess(result, policy, read_thresholds(None))
    facts = {'recording': '<walk>'}
    return html_report(result, policy, found, facts, result.run.commands())


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


def test_page_shows_breaches(tmp_path):
    page = body_of(page_of(tmp_path, max_joint_step=0.01))
    assert '<span class="verdict outside">fail</span>' in page
    assert 'commands of hip: max is' in page
    assert 'Difference of commands' in page


def test_all_but_policy_mode_is_shaded_on_every_time_axis(tmp_path):
    assert '"fillcolor"' not in body_of(page_of(tmp_path))
    shutil.rmtree(tmp_path / 'bag')
    page = body_of(page_of(tmp_path, tilt_limit=0.1))
    joints, terms, others = 3, 6, 1  # ages
    num_bands = page.count('"fillcolor":"#d9534f"')
    assert num_bands >= joints + terms + others


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
