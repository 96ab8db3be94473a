# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import json
from pathlib import Path
import sys

from distill_runtime.cli.main import main, make_parser
from distill_runtime.policy.model import load_policy
import pytest
from support.logged_run import run_node, write_log
from support.ros_policies import write_policy

pytestmark = pytest.mark.needs('data')
SETTINGS = ['-p', 'start_pose_limit:=0.0', '-p', 'start_tilt_limit:=0.0']


@pytest.fixture(scope='module')
def words(tmp_path_factory):
    """Return a recording, and the model that made it."""
    folder = tmp_path_factory.mktemp('recorded')
    model = write_policy(folder)
    return [str(write_log(folder / 'walk', run_node(load_policy(model)))), str(model)]


def model_under_test(*words):
    from distill_runtime.cli.replay_output.outcome import ModelUnderTest

    return ModelUnderTest(
        make_parser('replay').parse_args(['replay', *map(str, words), *SETTINGS])
    )


class ProgressLog:
    """Records all calls of a progress display."""

    def __init__(self):
        self.stages, self.calls = [], []

    def stage(self, text):
        self.stages.append(text)

    def __call__(self, done, total):
        self.calls.append((done, total))


def test_progress_shows_every_stage_and_its_fraction(words):
    log = ProgressLog()
    outcome = model_under_test(*words, '--against', words[1]).run(Path(words[0]), log)
    assert log.stages == [
        'reading walk', 'replaying walk', 'replaying policy.onnx over walk', 'comparing walk'
    ]  # fmt: skip
    assert log.calls == [(60, 60), (60, 60)]
    assert outcome.found.verdict == 'within'
    assert outcome.other is not None


def test_bar_goes_to_the_terminal_and_not_into_the_result(words, capsys, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.setattr(sys, 'stderr', screen)
    assert main(['replay', *words, *SETTINGS, '--json', '-']) == 0
    assert json.loads(capsys.readouterr().out)['verdict'] == 'within'
    assert 'replaying walk' in screen.getvalue()
