# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import shutil
import subprocess

from distill_runtime.data.assessment import assess
from distill_runtime.data.replay import replay
from distill_runtime.data.replay_config import replay_config
from distill_runtime.data.rules import read_rules
from distill_runtime.data.source import read_source
from distill_runtime.policy.model import load_policy
import pytest
from support.logged_run import LIMITS, run_node, write_log
from support.ros_policies import write_policy

pytest.importorskip('plotly', reason='no plotly here')
pytestmark = pytest.mark.needs('policy')
BROWSER = shutil.which('chromium') or shutil.which('chromium-browser')


def page_of(tmp_path, **parameters):
    from distill_runtime.data.report import html_report

    policy = load_policy(write_policy(tmp_path))
    path = write_log(tmp_path / 'bag', run_node(policy))
    result = replay(read_source(path, policy), policy, replay_config({**LIMITS, **parameters}))
    found = assess(result, policy, read_rules(None))
    facts = {'recording': '<walk>'}
    return html_report(result, policy, found, facts, result.recorded_commands())


def test_page_needs_no_network_and_escapes_what_it_shows(tmp_path):
    page = page_of(tmp_path)
    assert not re.search(r'<(script|link|img|iframe)[^>]+(src|href)=', page)
    assert '&lt;walk&gt;' in page
    assert 'within the rules' in page
    assert 'Difference of commands' not in page  # all are equal


def test_page_shows_what_is_beyond_the_rules(tmp_path):
    page = page_of(tmp_path, max_joint_step=0.01)
    assert 'outside the rules' in page
    assert 'commands of hip: max is' in page
    assert 'Difference of commands' in page


@pytest.mark.skipif(BROWSER is None, reason='no chromium here')
def test_browser_draws_every_plot(tmp_path):
    path = tmp_path / 'page.html'
    path.write_text(page_of(tmp_path, max_joint_step=0.01), encoding='utf-8')
    words = ['--headless', '--no-sandbox', '--disable-gpu', '--virtual-time-budget=10000']
    result = subprocess.run(
        [BROWSER, *words, f'--user-data-dir={tmp_path / "profile"}', '--dump-dom', path.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    dom = re.sub('<script.*?</script>', '', result.stdout, flags=re.DOTALL)
    num_plots = dom.count('class="plotly-graph-div')
    assert num_plots >= 5
    assert len(re.findall(r'<div class="plot-container plotly', dom)) == num_plots
    assert dom.count('class="subplot xy') >= num_plots
