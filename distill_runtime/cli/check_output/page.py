# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Page that `check` prints: tables that make a wrong order, scale or sign easy to spot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from distill_runtime.cli.terminal.page import findings_sections, Section
from distill_runtime.cli.terminal.tables import (
    bounds_text,
    clip_text,
    fact_lines,
    number_range,
    table_lines,
    wrap,
)
from distill_runtime.core.limits import MARGIN_SHARE, MAX_MARGIN
from distill_runtime.policy.self_test import LimitUse
from distill_runtime.policy.validation import Validation
from distill_runtime.spec.sources import differences, SourcedSpec
from distill_runtime.spec.spec import PolicySpec

from .observation import observation_sections

_UNITS = {'position': 'rad', 'velocity': 'rad/s', 'effort': 'N m'}


def check_page(
    found: Validation, facts: list[tuple[str, str]], recording: Sequence[Section] = ()
) -> list[Section]:
    """Return the sections of the page."""
    sections = [Section(title='model', lines=fact_lines(facts)), *observation_sections(found)]
    if found.sourced is not None:
        spec = found.sourced.spec
        sections.append(_joint_section(found, spec))
        sections.append(Section(title='action and command', lines=list(_action_lines(spec))))
        if found.limits is not None:
            lines = [line for text in _limit_lines(found.limits) for line in wrap(text, '', '')]
            sections.append(Section(title='command limits', lines=lines))
        sections += _sources(found.sourced, found.path)
    sections.append(Section(title='test run', lines=list(_test_run(found))))
    verdicts = findings_sections(found.findings, 'deployable', 'NOT deployable')
    return [*sections, *recording, *verdicts]


def _sources(sourced: SourcedSpec, model: Path) -> Iterator[Section]:
    """Return the source of each field, and conflicts between sources.

    Files beside the model are shown without their folder.
    """
    beside = f'{model.parent}/'
    rows = [(field, source.removeprefix(beside)) for field, source in sourced.sources.items()]
    lines = table_lines(('field', 'taken from'), rows)
    yield Section(title='provenance', lines=lines)
    conflicts = [
        (item.where, item.value, item.other_value, f'{entry.source}, {entry.other_source}')
        for entry in sourced.conflicts
        for item in differences(entry, sourced.spec.joints)
    ]
    if conflicts:
        headings = ('field', 'used', 'not used', 'source used, source not used')
        yield Section(title='conflicts', lines=table_lines(headings, conflicts))


def _test_run(found: Validation) -> Iterator[str]:
    if found.policy is None:
        yield 'not run: the model is rejected'
        return
    golden = found.policy.spec.golden
    if golden is None:
        yield 'golden vectors   none'
    else:
        yield (
            f'golden vectors   {len(golden.action)} steps, largest difference '
            f'{found.policy.golden_error:.2g}, allowed {golden.tolerance:g}'
        )
    if found.run is not None:
        yield (
            f'inference        median {found.run.median * 1e6:.0f} us, p99 '
            f'{found.run.p99 * 1e6:.0f} us over {found.run.runs} random observations, '
            + ('all finite' if found.run.is_finite else 'NOT FINITE')
        )


def _joint_section(found: Validation, spec: PolicySpec) -> Section:
    """Return the table of joints in policy order: gains, limits, mapping, first target."""
    robot = () if found.robot is None else found.robot.joints
    headings = (
        '#', 'joint', 'robot #', 'mode', 'default', 'kp', 'kd', 'lower', 'upper', 'effort',
        'scale', 'offset', 'at rest',
    )  # fmt: skip
    has_modes = len(set(spec.modes)) > 1
    shifts = None if found.step is None else found.step.target - spec.default_position
    rows = [
        (
            str(joint),
            name,
            str(robot.index(name)) if name in robot else '',
            spec.modes[joint] if has_modes else '',
            f'{spec.default_position[joint]:.4g}',
            _element(spec.stiffness, joint),
            _element(spec.damping, joint),
            *(
                (f'{bound:.4g}' for bound in spec.limits.position[joint])
                if spec.limits.position
                else ('', '')
            ),
            _element(spec.limits.effort, joint),
            *_mapping(spec, name),
            '' if shifts is None else f'{round(shifts[joint], 2) + 0.0:+.2f}',
        )
        for joint, name in enumerate(spec.joints)
    ]
    right = set(headings) - {'joint', 'mode'}
    lines = table_lines(headings, rows, right)
    if found.robot is not None:
        lines.append(f'robot #: index in the motor order of {found.robot.name}')
    lines.append('at rest: first target minus default position, standing still and level in it')
    return Section(title=f'joints: {len(spec.joints)} in policy order', lines=lines)


def _element(values: tuple[float, ...] | None, index: int) -> str:
    return '' if values is None else f'{values[index]:.4g}'


def _mapping(spec: PolicySpec, joint: str) -> tuple[str, str]:
    """Return scale and offset of a joint, - if the policy does not move it."""
    action = spec.outputs.action
    if action.scale is None:
        return '', ''
    if joint not in spec.action_joints:
        return '-', '-'
    index = spec.action_joints.index(joint)
    scale = action.scale[index] if isinstance(action.scale, tuple) else action.scale
    offset = action.offset[index] if isinstance(action.offset, tuple) else None
    return f'{scale:.4g}', action.offset if offset is None else f'{offset:.4g}'  # type: ignore


def _action_lines(spec: PolicySpec) -> Iterator[str]:
    """Yield the mapping from network output to command."""
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
        yield 'velocity command: not clipped to a range'
    else:
        ranges = (
            f'{name} {bounds_text(lower, upper)}'
            for name, lower, upper in zip(
                ('vx', 'vy', 'yaw rate'), spec.command.lower, spec.command.upper, strict=True
            )
        )
        yield f'velocity command is clipped to {", ".join(ranges)} (m/s, m/s, rad/s)'
    yield f'rate {1.0 / spec.period:g} Hz, period {spec.period:g} s'
    for state in spec.state:
        start = 'zeros' if state.initial is None else f'{number_range(state.initial)}'
        yield f'state {state.input} <- {state.output}, {list(state.shape)}, {start} at reset'


def _limit_lines(use: LimitUse) -> Iterator[str]:
    """Yield the limits that act by default, and how often each limit would bind."""
    bounded, soft = len(use.bounded_joints), len(use.soft_joints)
    if not bounded:
        yield 'position_limits: no effect, no joint range is known: give --robot'
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
        yield f'{steps}: no observation has a joint position, limits could not be tested'
        return
    most = f', by up to {use.largest_clip:.2g} rad ({use.clipped_joint})'
    yield (
        f'{steps}: soft changes {use.soft:.1%} of the targets, clip {use.clip:.1%}'
        + (most if use.clipped_joint else '')
        + f', torque_limit 1 {use.torque:.1%}'
    )
