# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Observations of training frameworks that no sensor of a robot provides."""

from __future__ import annotations

_WHAT = {
    'motion_command': 'the joints of a reference motion',
    'command_motion': 'the joints of a reference motion',
    'ref_motion_phase': 'the phase of a reference motion',
    'phase': 'the progress of a reference motion',
    'motion_anchor_pos_b': 'the position of a reference motion in the robot frame',
    'motion_anchor_ori_b': 'the orientation of a reference motion in the robot frame',
    'motion_ref_ori_b': 'the orientation of a reference motion in the robot frame',
    'robot_anchor_ori_w': 'the orientation of a body in the world',
    'body_pos': 'positions of bodies',
    'body_ori': 'orientations of bodies',
    'base_pos_z': 'the height of the base above the ground',
    'root_height': 'the height of the base above the ground',
    'height_scan': 'heights of the ground around the robot',
    'height_scanner': 'heights of the ground around the robot',
    'foot_contact': 'contacts of the feet',
    'feet_contact': 'contacts of the feet',
    'contact_forces': 'contact forces',
}


def explain(where: str, name: str, known: list[str]) -> str:
    """Return why an observation has no term, and what to do.

    Args:
        where: Dotted key of the observation.
        name: Its name in the framework.
        known: Names that have terms.
    """
    what = _WHAT.get(name)
    if what is None:
        return (
            f'{where} is unknown, expected one of {known}: describe the inputs in a file with '
            '--spec, with a term external for a topic that your node publishes'
        )
    return (
        f'{where} is {what}, which neither JointState nor Imu nor Odometry provides: publish it '
        'from your node, and describe the inputs in a file with --spec, with a term external '
        'for it'
    )


class UnsuppliedError(Exception):
    """An observation that only the user can describe; the text is the hint."""
