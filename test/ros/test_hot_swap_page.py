# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""docs/hot_swap.md: its client runs, and its numbers and names are those of the code."""

from __future__ import annotations

from pathlib import Path
import re
import subprocess
import sys

from distill_runtime.core.swap import compatibility as same_robot
from distill_runtime.core.swap import history as step_ring
from distill_runtime.core.swap.swap import SwapOptions
from distill_runtime.ros.models import loader
from support.ros_harness import values
from support.swaps import is_active, walking

PAGE = (Path(__file__).resolve().parents[2] / 'docs' / 'hot_swap.md').read_text()


def test_defaults_and_bounds_are_those_of_the_code():
    terms = SwapOptions()
    assert (terms.shadow_time, terms.max_divergence) == (0.0, 0.0)
    for text in (
        f'`blend_time` ({terms.blend_time:g} s)',
        f'`probation_time` ({terms.probation_time:g} s)',
        f'at most {loader._MAX_SIZE / 1e6:.0f} MB',
        f'a history of at most {same_robot._LONGEST} steps | {step_ring.DEPTH} steps',
    ):
        assert text in PAGE


def test_client_sets_the_model_and_the_page_names_every_value_of_the_topic(
    ros, model, other, tmp_path
):
    (code,) = re.findall(r'```python\n(.*?)```', PAGE, re.DOTALL)
    script = tmp_path / 'swap.py'
    script.write_text(code)
    absent = tmp_path / 'absent.onnx'

    def run(*words):
        command = [sys.executable, str(script), *map(str, words)]
        answer = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, timeout=60, check=False
        )
        return answer.returncode, answer.stdout.strip()

    with walking(ros, model) as (remote, _):
        name = remote.rig.node.get_fully_qualified_name()
        assert run(name, other, 'blend_time=0.3') == (0, f'{other} is active')
        assert is_active(remote.rig, other)
        assert remote.get('blend_time') == [0.3]
        assert values(remote.rig.diagnose())['is_on_probation'] == 'true'
        assert [name for name in remote.until_model('was set') if f'`{name}`' not in PAGE] == []
        status, text = run(name, absent)
        assert (status, text.startswith(f'{absent} is rejected: ')) == (1, True)
