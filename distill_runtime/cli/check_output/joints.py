# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The joint table of `check`, and how the network output becomes commands."""

from __future__ import annotations

from collections.abc import Iterator
import textwrap

from distill_runtime.cli.terminal.page import Section
from distill_runtime.cli.terminal.tables import bounds_text, clip_text, number_range, table_lines
from distill_runtime.core.limits import MARGIN_SHARE, MAX_MARGIN
from distill_runtime.policy.self_test import LimitUse
from distill_runtime.policy.validation import Validation
from distill_runtime.spec.spec import PolicySpec

_UNITS = {'position': 'rad', 'velocity': 'rad/s', 'effort': 'N m'}


def joint_section(found: Validation, spec: PolicySpec, width: int) -> Section:
    """Show the joints in policy order, with all that belongs to each.

    Args:
        found: What was found out.
        spec: The policy.
        width: Of the page, in characters.
    """
    robot = () if found.robot is None else found.robot.joints
    headings = (
        '#', 'joint', 'robot #', 'mode', 'default', 'kp', 'kd', 'lower', 'upper', 'effort',
        'scale', 'offset', 'at rest',
    )  # fmt: skip
    has_modes = len(set(spec.modes)) > 1
    shifts = None if found.step is None else found.step.target - spec.default_position
    rows = [
        (
            str(place),
            name,
            str(robot.index(name)) if name in robot else '',
            spec.modes[place] if has_modes else '',
            f'{spec.default_position[place]:.4g}',
            _element(spec.stiffness, place),
            _element(spec.damping, place),
            *(
                (f'{bound:.4g}' for bound in spec.limits.position[place])
                if spec.limits.position
                else ('', '')
            ),
            _element(spec.limits.effort, place),
            *_mapping(spec, name),
            '' if shifts is None else f'{round(shifts[place], 2) + 0.0:+.2f}',
        )
        for place, name in enumerate(spec.joints)
    ]
    right = set(headings) - {'joint', 'mode'}
    lines = table_lines(headings, rows, width, right)
    if found.robot is not None:
        lines.append(f'robot #: place in the motor order of {found.robot.name}')
    lines.append('at rest: first target from the default position, standing still and level in it')
    return Section(title=f'joints: {len(spec.joints)} in policy order', lines=lines)


def _element(values: tuple[float, ...] | None, place: int) -> str:
    return '' if values is None else f'{values[place]:.4g}'


def _mapping(spec: PolicySpec, joint: str) -> tuple[str, str]:
    """Return scale and offset of a joint, - where the policy does not move it."""
    action = spec.outputs.action
    if action.scale is None:
        return '', ''
    if joint not in spec.action_joints:
        return '-', '-'
    place = spec.action_joints.index(joint)
    scale = action.scale[place] if isinstance(action.scale, tuple) else action.scale
    offset = action.offset[place] if isinstance(action.offset, tuple) else None
    return f'{scale:.4g}', action.offset if offset is None else f'{offset:.4g}'  # type: ignore


def action_section(spec: PolicySpec) -> Section:
    """Say how the network output becomes commands."""
    return Section(title='action and command', lines=list(_action_lines(spec)))


def _action_lines(spec: PolicySpec) -> Iterator[str]:
    action = spec.outputs.action
    modes = sorted(set(spec.modes))
    units = ', '.join(f'{mode} in {_UNITS[mode]}' for mode in modes)
    clip = clip_text(action.clip)
    raw = f'output {action.name!r} ({spec.act_dim})'
    if clip != '-':
        raw = f'clip({raw}, {clip})'
    if action.choices is not None:
        yield f'target = row {raw}.argmax of {len(action.choices)} rows of targets; {units}'
    else:
        target, bounds = f'{raw} * scale + offset', clip_text(action.target_clip)
        target = target if bounds == '-' else f'clip({target}, {bounds})'
        yield f'target = {target}; {units}'
    if action.joints is not None:
        yield f'elements of the output: {", ".join(action.joints)}'
    if spec.command is None:
        yield 'velocity command: not cut to any range'
    else:
        ranges = (
            f'{name} {bounds_text(lower, upper)}'
            for name, lower, upper in zip(
                ('vx', 'vy', 'yaw rate'), spec.command.lower, spec.command.upper, strict=True
            )
        )
        yield f'velocity command is cut to {", ".join(ranges)} (m/s, m/s, rad/s)'
    yield f'rate {1.0 / spec.period:g} Hz, period {spec.period:g} s'
    for state in spec.state:
        start = 'zeros' if state.initial is None else f'{number_range(state.initial)}'
        yield f'state {state.input} <- {state.output}, {list(state.shape)}, {start} at reset'


def limit_section(use: LimitUse, width: int) -> Section:
    """Say which position limits act by default, and how often each limit would bind.

    Args:
        use: What each limit does to targets.
        width: Of the page, in characters.
    """
    lines = [part for line in _limit_lines(use) for part in textwrap.wrap(line, width)]
    return Section(title='limits of what is sent', lines=lines)


def _limit_lines(use: LimitUse) -> Iterator[str]:
    bounded, soft = len(use.bounded_joints), len(use.soft_joints)
    if not bounded:
        yield 'position_limits: no effect, no range of a joint is known: give --robot'
    elif soft:
        yield (
            f'position_limits soft (default) at {soft} of {use.num_joints} joints: less torque '
            f'outward within {MARGIN_SHARE:.0%} of the range (at most {MAX_MARGIN:g} rad) of a '
            'limit'
        )
    if bounded > soft:
        hard = [name for name in use.bounded_joints if name not in use.soft_joints]
        yield f'position_limits clip at joints without known gains: {", ".join(hard)}'
    steps = f'{use.num_steps} steps'
    steps += ' of the golden vectors' if use.source == 'golden' else ' on random sensors'
    if use.measured == 0.0:
        yield f'{steps}: no observation holds a joint position, no limit could be tried'
        return
    most = f', by up to {use.largest_clip:.2g} rad ({use.clipped_joint})'
    yield (
        f'{steps}: soft changes {use.soft:.1%} of the targets, clip {use.clip:.1%}'
        + (most if use.clipped_joint else '')
        + f', torque_limit 1 {use.torque:.1%}'
    )
