# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A swap for a policy that computes the same changes no bit of the commands."""

from __future__ import annotations

from distill_runtime.cli.main import main
from distill_runtime.policy.model import load_policy
import numpy as np
from support.real_policies import REAL, real_words
from support.ros_harness import LOCKSTEP, student, values
from support.student_variants import STUDENT, write_student_variant
from support.swap_marathon import GOOD
from support.swaps import BUSY_MACHINE, commands, is_active, Remote, Walker

NUM_TICKS = 60


def moments(spec):
    """Return what gives the sensors of each tick: small motions around the default pose."""
    rng = np.random.default_rng(0)
    size = len(spec.joints)
    pose = np.asarray(spec.default_position)
    swing, phase = rng.uniform(0.0, 0.05, size), rng.uniform(0.0, 6.0, size)

    def fields(number):
        angle = number / 5.0 + phase
        turn = 0.02 * np.sin(number / 9.0)
        return {
            'names': spec.joints,
            'position': (pose + swing * np.sin(angle)).tolist(),
            'velocity': (swing * 10.0 * np.cos(angle)).tolist(),
            'rate': (turn, 2.0 * turn, -turn),
            'quaternion': (turn, 0.0, 0.0, np.sqrt(1.0 - turn * turn)),
        }

    return fields


def stream(ros, model, spec, *, swaps=(), num_ticks=NUM_TICKS, **options):
    """Return the commands of a run in lock-step, in which models are swapped one by one."""
    with student(ros, model, blend_time=0.0, **{**LOCKSTEP, **BUSY_MACHINE, **options}) as rig:
        remote = Remote(rig) if swaps else None
        with Walker(rig, fields=moments(spec)) as walker:
            for path in swaps:
                walker.steps(10)
                assert remote.set(model=path) == (True, '')
                assert is_active(rig, path)
            walker.steps(max(10, num_ticks - len(walker.stamps)))
            assert values(rig.diagnose())['mode'] == 'policy'
        return commands(rig)[1][: len(walker.stamps)]


def assert_no_bit_changes(ros, model, spec, swaps, **options):
    swapped = stream(ros, model, spec, swaps=swaps, **options)
    alone = stream(ros, model, spec, num_ticks=len(swapped), **options)
    assert len(swapped) >= NUM_TICKS
    assert swapped.tobytes() == alone[: len(swapped)].tobytes()
    assert np.ptp(alone, axis=0).min() > 0.0


def test_students_that_compute_the_same_give_the_same_bits(ros, tmp_path):
    kinds = ('copy', 'long_history', 'recurrent', 'copy', 'recurrent')
    paths = {
        kind: write_student_variant(tmp_path / f'{kind}.onnx', **GOOD[kind]) for kind in kinds
    }
    spec = load_policy(STUDENT).spec
    assert_no_bit_changes(ros, STUDENT, spec, [paths[kind] for kind in kinds])


def test_real_policy_swapped_for_a_packed_copy_gives_the_same_bits(ros, shared_data, tmp_path):
    name = 'unitree_rl_lab_g1'
    words = real_words(name, shared_data)
    packed = tmp_path / 'packed.onnx'
    assert main(['pack', *map(str, words), '-o', str(packed)]) == 0
    model, robot = words[0], REAL[name]
    spec = load_policy(model, robot=robot).spec
    assert_no_bit_changes(ros, model, spec, [packed, model], robot=robot)
