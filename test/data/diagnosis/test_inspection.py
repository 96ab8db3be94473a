# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from distill_runtime.data.diagnosis.inspection import inspect
from distill_runtime.data.diagnosis.target_findings import invalid_ticks, PolicyCase
from distill_runtime.data.replay.step_loop import InvalidTicks
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.driven import drive, driven_spec, ReadingPolicy, TERMS, with_commands
from support.recordings import load_pair, PAIRS
from support.walks import joint_stream


def inspected(given, spec=None, **options):
    spec = spec or driven_spec()
    return inspect(spec, ReadingPolicy(compile_spec(spec)), given, **options)


def codes(inspection):
    return {finding.code: finding for finding in inspection.findings}


@pytest.mark.parametrize('has_commands', [False, True])
def test_right_contract_gives_no_finding(has_commands):
    given, targets = drive()
    result = inspected(with_commands(given, targets) if has_commands else given)
    assert result.findings == ()
    assert (result.num_ticks, result.num_valid) == (200, 200)


@pytest.mark.parametrize(
    ('text', 'changes'),
    [
        ('joint_position and joint_velocity were swapped', {'terms': TERMS[::-1]}),
        (
            'joint_position were relative to the default position',
            {'terms': ({'term': 'joint_position', 'relative': False}, TERMS[1])},
        ),
        (
            'joint_velocity had scale 0.05',
            {'terms': (TERMS[0], {'term': 'joint_velocity', 'scale': 1.0})},
        ),
    ],
)
def test_mistake_is_named(text, changes):
    found = codes(inspected(drive()[0], driven_spec(**changes)))
    assert found['bag.targets_unexplained'].severity == 'warning'
    assert found['bag.contract_differs'].severity == 'error'
    assert found['bag.contract_differs'].message.endswith(f' if {text}') or (
        # the order in which two terms are named follows the given contract
        'were swapped' in found['bag.contract_differs'].message
    )


def test_search_for_the_mistake_can_be_skipped():
    spec = driven_spec(terms=TERMS[::-1])
    assert set(codes(inspected(drive()[0], spec, tries_variants=False))) == {
        'bag.targets_unexplained'
    }


def test_error_of_the_sensors_is_not_attributed_to_the_contract():
    given = drive()[0]
    wrong = replace(given, joints=replace(given.joints, velocity=-given.joints.velocity))
    found = codes(inspected(wrong))
    assert {'bag.velocity', 'bag.targets_unexplained'} == set(found)


def test_wrong_scale_offset_and_gains_are_named():
    given = drive()[0]
    found = codes(inspected(given, driven_spec(action={'scale': 0.5})))
    assert 'action scale 0.5' in found['bag.action_scale'].message
    offset = [0.1, 0.9, -0.5]
    found = codes(inspected(given, driven_spec(action={'scale': 0.25, 'offset': offset})))
    assert '-0.30 rad away from the given ones for knee' in found['bag.action_offset'].message
    found = codes(inspected(given, driven_spec(stiffness=[40.0, 40.0, 80.0])))
    assert 'efforts of ankle' in found['bag.gains'].message


def test_recording_without_reference_says_so_and_absurd_targets_are_found():
    given = drive()[0]
    given = replace(given, joints=replace(given.joints, effort=None))
    found = codes(inspected(given))
    assert {code: finding.severity for code, finding in found.items()} == {
        'bag.no_reference': 'info'
    }
    found = codes(inspected(given, driven_spec(action={'scale': 4.0})))
    assert found['bag.targets_implausible'].severity == 'warning'


def test_recording_of_another_robot_gets_the_checks_of_the_sensors_only():
    given = drive()[0]
    other = joint_stream(given.joints.position, ('a', 'b', 'c'))
    result = inspected(replace(given, joints=other))
    assert set(codes(result)) == {'bag.joints_missing'}
    assert result.num_ticks == 0


def test_refused_model_gets_the_checks_of_the_sensors():
    given = drive()[0]
    degrees = replace(given.joints, position=np.degrees(given.joints.position))
    found = codes(inspect(driven_spec(), None, replace(given, joints=degrees)))
    assert 'bag.position_degrees' in found


@pytest.mark.parametrize('bag', PAIRS)
def test_no_alarm_on_a_right_contract_with_a_real_recording(bag, shared_data):
    pair = load_pair(bag, shared_data)
    result = inspect(pair.policy.spec, pair.policy.session, pair.recording)
    assert result.findings == ()
    assert result.drive_fit.median_r_squared > 0.99


def case_of(is_valid, **reasons):
    playback = SimpleNamespace(is_valid=np.array(is_valid), reasons=reasons)
    return PolicyCase(None, None, SimpleNamespace(playback=playback), None, None)


@pytest.mark.parametrize(('size', 'severity'), [(40, 'warning'), (80, 'info')])
def test_ticks_that_lack_an_input_are_counted_by_reason(size, severity):
    stale = InvalidTicks(count=1, first_tick=0, text='imu.stale: last sample 0.2 s ago')
    missing = InvalidTicks(count=2, first_tick=1, text='cmd_vel.missing: no sample yet')
    given = case_of([False] * 3 + [True] * (size - 3), imu=stale, cmd_vel=missing)
    (finding,) = invalid_ticks(given)
    assert finding.message == f'3 of {size} ticks lack an input: imu (1), cmd_vel (2)'
    assert finding.severity == severity


@pytest.mark.parametrize('scale', [0.25 / 1.2, 0.25 * 1.2])
def test_scale_within_a_quarter_is_no_finding(scale):
    found = codes(inspected(drive()[0], driven_spec(action={'scale': scale})))
    assert 'bag.action_scale' not in found


def test_commands_give_no_finding_about_gains():
    found = codes(inspected(with_commands(*drive()), driven_spec(stiffness=[80.0] * 3)))
    assert 'bag.gains' not in found
