# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A recording of a node that is played by the runner itself, without DDS."""

from __future__ import annotations

from dataclasses import dataclass, field
import math

from distill_runtime.core.checks.registry import Finding
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.modes import Event
from distill_runtime.core.sensors import Sensors
from distill_runtime.wire.tick_fields import ACTION_NUMBERS
import numpy as np

from .bags import imu, joint_state, labelled_array, MS, tick, twist, write_bag
from .specs import DEFAULT, JOINTS

NODE = '/student_node'
LIMITS = {'start_pose_limit': 0.0, 'start_tilt_limit': 0.0}
"""A made-up motion is not one that a start would be granted from."""


@dataclass
class Log:
    """What a recorder got of a run."""

    messages: list = field(default_factory=list)
    commands: list = field(default_factory=list)
    modes: list = field(default_factory=list)
    sends: list = field(default_factory=list)


def run_node(
    policy,
    ticks=60,
    requests=None,
    faults=(),
    start_in='policy',
    is_old=False,
    still_from=math.inf,
    **config,
):
    """Let a runner do what student_node does; return what it would leave in a recording.

    Args:
        policy: Its policy.
        ticks: How many.
        requests: Event, or several, per tick at which it is asked for.
        faults: Ticks at which it is made to fail: by a call of estop, or by the check that the
            tick is mapped to.
        start_in: Its parameter.
        is_old: Whether ~/tick ends behind its first nine elements.
        still_from: Tick from which on the robot hardly moves.
        config: Further ones.
    """
    runner = policy.runner(RunnerConfig(start_in=start_in, **{**LIMITS, **config}))
    sensors = Sensors(runner.compiled.layout)
    log = Log()
    model = int(policy.sha256[:15], 16)
    command_ns = -1
    scans_ns = [-1] * len(sensors.externals)
    for number in range(ticks):
        now_ns = (1000 + 20 * number) * MS
        sample_ns = now_ns - 3 * MS
        size = 1.0 if number < still_from else 0.05
        angle = 0.3 * size * np.sin(0.2 * number)
        position = np.array(DEFAULT) + 0.2 * size * np.sin(0.3 * number + np.arange(3))
        velocity = size * np.cos(0.3 * number + np.arange(3))
        quat, rate = (np.cos(angle), np.sin(angle), 0.0, 0.0), (angle, -angle, 0.1)
        log.messages += [
            joint_state(sample_ns, JOINTS[::-1], position[::-1], velocity[::-1]),
            imu(sample_ns, quat, rate),
        ]
        sensors.joint_position[:], sensors.joint_velocity[:] = position, velocity
        sensors.quat_base_to_world[:], sensors.angular_velocity[:] = quat, rate
        sensors.joint_stamp_ns = sensors.imu_stamp_ns = sample_ns
        if number % 10 == 5:
            command_ns = now_ns - 7 * MS
            command = (0.1 * number, 0.2, -0.1)
            log.messages.append(twist(command_ns + MS, command))
            sensors.velocity_command[:] = command
            sensors.command_stamp_ns = now_ns
        for place, entry in enumerate(sensors.layout.externals):
            if number % (3 + place) == 1:
                scans_ns[place] = now_ns - (6 + place) * MS
                values = np.sin(number + np.arange(entry.width)).astype(np.float32)
                log.messages.append(
                    labelled_array(
                        scans_ns[place] + MS,
                        [('scan', entry.width)],
                        values,
                        f'/{entry.topic.lstrip("/")}',
                    )
                )
                sensors.externals[place][:] = values
                sensors.external_stamps_ns[place] = now_ns
        if requests and number in requests:
            asked = requests[number]
            for event in asked if isinstance(asked, tuple) else (asked,):
                is_taken, why = runner.request(event)
                assert is_taken, why
        runner.outside = ()
        if isinstance(faults, dict) and number in faults:
            runner.outside = (Finding(faults[number], 'outside.fault: seen by others'),)
        elif number in faults:
            runner.request(Event.ESTOP)
        step = runner.step(sensors, now_ns)
        log.modes.append(step.mode)
        log.commands.append(step.command.copy())
        log.sends.append(step.sends)
        receive_ns = now_ns + MS
        more = {'fault_action': ACTION_NUMBERS[runner.fault_action]}
        for entry, sample in zip(sensors.layout.externals, scans_ns, strict=True):
            more[f'{entry.topic}_ns'] = sample
        said = [
            joint_state(
                now_ns, JOINTS, step.command, topic='/joint_command', receive_ns=receive_ns
            )
        ]
        said.append(
            tick(
                number,
                now_ns,
                joint_states_ns=sample_ns,
                imu_ns=sample_ns,
                cmd_vel_ns=command_ns,
                mode=step.mode,
                model=model,
                receive_ns=receive_ns,
                more=None if is_old else more,
            )
        )
        if step.has_policy_step:
            for name, values in (('observation', step.observation), ('action', step.action)):
                parts = [('part', len(values))]
                said.append(labelled_array(receive_ns, parts, values, f'{NODE}/{name}'))
        log.messages += said if step.sends else said[1:]
    return log


def write_log(path, log, keep=lambda said: True):
    """Write the messages that are to be kept; return the path."""
    messages = sorted(filter(keep, log.messages), key=lambda said: said.receive_ns)
    return write_bag(path, messages)
