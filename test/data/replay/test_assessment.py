# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

from distill_runtime.data.recording.policy_recording import read_policy_recording
from distill_runtime.data.replay.assessment import assess, observation_groups
from distill_runtime.data.replay.config import replay_config
from distill_runtime.data.replay.replay import replay
from distill_runtime.data.replay.verdict import Limits, read_thresholds
from distill_runtime.errors import ConfigError
from distill_runtime.policy.model import load_policy
import numpy as np
import pytest
from support.logged_run import LIMITS, run_node, write_log
from support.recordings import load_pair, PAIRS
from support.ros_policies import write_policy

pytestmark = pytest.mark.needs('policy')


def with_spec(policy, spec):
    return replace(policy, sourced=replace(policy.sourced, spec=spec))


def replayed(path, policy, topics=None, **parameters):
    return replay(read_policy_recording(path, policy, topics), policy, replay_config(parameters))


@pytest.fixture
def policy(tmp_path):
    return load_policy(write_policy(tmp_path))


@pytest.fixture
def bag(tmp_path, policy):
    return write_log(tmp_path / 'bag', run_node(policy, **LIMITS))


def test_same_model_passes_bit_for_bit(bag, policy):
    found = assess(replayed(bag, policy, **LIMITS), policy, read_thresholds(None))
    assert found.verdict == 'within'
    assert [entry.what for entry in found.differences] == ['commands', 'observation', 'action']
    for difference in found.differences:
        assert difference.num_equal == difference.num_ticks > 50
    assert found.reference_motion is not None
    np.testing.assert_array_equal(found.motion.step_rms, found.reference_motion.step_rms)


def test_difference_fails_and_names_its_first_tick(bag, policy):
    spec = policy.spec
    terms = tuple(
        replace(term, scale=0.5) if term.kind == 'projected_gravity' else term
        for term in spec.inputs[0].terms
    )
    wrong = with_spec(policy, replace(spec, inputs=(replace(spec.inputs[0], terms=terms),)))
    found = assess(replayed(bag, wrong, **LIMITS), wrong, read_thresholds(None))
    assert found.verdict == 'outside'
    texts = {breach.name: breach.text for breach in found.breaches if breach.what == 'observation'}
    assert set(texts) == {'projected_gravity', 'last_action'}  # the latter follows
    assert 'first at 0.000 s (tick 0) in z: -0.5 instead of -1' in texts['projected_gravity']


@pytest.mark.parametrize('explains', [False, True])
def test_contract_is_searched_on_request_without_a_change_of_the_verdict(explains, bag, policy):
    result = replayed(bag, policy, **{**LIMITS, 'max_joint_step': 0.02})
    found = assess(result, policy, read_thresholds(None), explains=explains)
    assert found.verdict == 'outside'
    assert (found.inspection is not None) == explains
    assert not [breach for breach in found.breaches if breach.what == 'contract']
    assert assess(result, policy, read_thresholds(None, 10.0)).verdict == 'within'


def test_fault_that_the_robot_did_not_have_fails(bag, policy):
    result = replayed(bag, policy, tilt_limit=0.2, **LIMITS)
    found = assess(result, policy, read_thresholds(None))
    (breach,) = [breach for breach in found.breaches if breach.metric == 'mode']
    assert 'tilt.limit' in breach.text


def test_invalid_ticks_motion_and_period_have_thresholds(bag, policy):
    result, plain = replayed(bag, policy, **LIMITS), read_thresholds(None)
    strict = replace(plain, motion=replace(plain.motion, step_max=1e-6))
    assert {breach.what for breach in assess(result, policy, strict).breaches} == {'motion'}
    strict = replace(plain, invalid=0.0)
    assert assess(result, policy, strict).verdict == 'within'
    result.playback.is_valid[3] = False
    (breach,) = assess(result, policy, strict).breaches
    assert (breach.what, breach.metric) == ('ticks', 'invalid')
    wrong = with_spec(policy, replace(policy.spec, period=0.012))
    found = assess(replayed(bag, wrong, **LIMITS), wrong, plain)
    assert 'period' in {breach.name for breach in found.breaches}


def test_another_model_is_compared_over_the_same_recording(tmp_path, bag, policy):
    twin = load_policy(write_policy(tmp_path, name='twin.onnx'))
    changed = load_policy(write_policy(tmp_path, name='changed.onnx', action={'scale': 0.3}))
    mine = replayed(bag, policy, **LIMITS)
    found = assess(mine, policy, read_thresholds(None), other=replayed(bag, twin, **LIMITS))
    assert (found.verdict, found.against) == ('within', 'another model')
    found = assess(mine, policy, read_thresholds(None), other=replayed(bag, changed, **LIMITS))
    assert found.verdict == 'outside'


def test_groups_of_the_observation_have_the_names_of_its_elements(policy):
    groups = {group.name: group for group in observation_groups(policy)}
    assert groups['velocity_command'].labels == ['vx', 'vy', 'yaw']
    assert groups['joint_position'].labels == ['hip', 'knee', 'ankle']
    indices = sorted(index for group in groups.values() for index in group.indices)
    assert indices == list(range(policy.session.observation.size))


@pytest.mark.parametrize('bag', PAIRS)
def test_right_contract_passes_by_its_efforts_where_no_commands_are_recorded(bag, shared_data):
    policy = load_pair(bag, shared_data).policy
    found = assess(
        replayed(shared_data / 'recordings' / bag, policy), policy, read_thresholds(None)
    )
    assert found.verdict == 'within'
    assert found.inspection.drive_fit.median_r_squared > 0.9


def thresholds_of(tmp_path, text, tolerance=None):
    path = tmp_path / 'rules.yaml'
    path.write_text(text)
    return read_thresholds(path, tolerance)


def test_tolerance_is_the_default_limit_and_that_of_the_command_line_wins(tmp_path):
    assert read_thresholds(None).limits_of('commands', 'hip') == Limits(max=1e-5)
    given = thresholds_of(tmp_path, 'tolerance: 0.1')
    assert given.limits_of('observation', 'x') == Limits(max=0.1)
    given = thresholds_of(tmp_path, 'tolerance: 0.1', 0.2)
    assert given.limits_of('action', 'hip') == Limits(max=0.2)


def test_limits_of_a_joint_or_term_override_the_general_ones(tmp_path):
    thresholds = thresholds_of(
        tmp_path,
        'commands: {rms: 0.1}\njoints: {hip: {max: 0.5}}\nterms: {gravity: {p99: 1}}\n'
        'motion: {lag: 0.1}\n',
    )
    assert thresholds.limits_of('commands', 'hip') == Limits(max=0.5)
    assert thresholds.limits_of('commands', 'knee') == Limits(rms=0.1)
    assert thresholds.limits_of('observation', 'gravity') == Limits(p99=1.0)
    assert thresholds.motion.lag == 0.1


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('tolerence: 1', r'rules.yaml: tolerence is unknown, expected one of'),
        ('commands: {mean: 1}', 'commands.mean is unknown'),
        ('joints: {hip: {max: -1}}', r'joints.hip: max is -1.0, expected at least 0'),
        ('joints: [hip]', r"joints is \['hip'\], expected limits by name"),
        ('invalid: 2', 'invalid is 2.0, expected a share from 0 to 1'),
        ('tolerance: -1', 'tolerance is -1.0, expected at least 0'),
        ('- 1', r'expected a mapping'),
    ],
)
def test_wrong_thresholds_are_refused(text, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        thresholds_of(tmp_path, text)
