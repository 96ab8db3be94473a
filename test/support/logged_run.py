# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Record a run of the runner as student_node would, without DDS."""

from __future__ import annotations

from dataclasses import dataclass, field
import math

from distill_runtime.core.checks.registry import Finding
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.modes import Event
from distill_runtime.core.sensors import Sensors
from distill_runtime.wire.tick_fields import ACTION_NUMBERS
import numpy as np

from .bags import imu, joint_state, MS, multi_array, tick, twist, write_bag
from .specs import DEFAULT, JOINTS

NODE = '/student_node'
LIMITS = {'start_pose_limit': 0.0, 'start_tilt_limit': 0.0}
"""A generated motion would fail the start checks."""


@dataclass
class Log:
    """What a recorder received in a run."""

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
    beside=None,
    **config,
):
    """Run a runner as student_node does; return what would be recorded.

    Args:
        policy: Its policy.
        ticks: How many.
        requests: Event, or several, per tick at which it is asked for.
        faults: Ticks at which it fails: by a call of estop, or by the check that the
            tick is mapped to.
        start_in: Its parameter.
        is_old: Whether ~/tick ends after its first nine elements.
        still_from: First tick at which the robot hardly moves.
        beside: Called with sensors, time and runner after each step.
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
        for index, entry in enumerate(sensors.layout.externals):
            if number % (3 + index) == 1:
                scans_ns[index] = now_ns - (6 + index) * MS
                values = np.sin(number + np.arange(entry.width)).astype(np.float32)
                log.messages.append(
                    multi_array(
                        scans_ns[index] + MS,
                        [('scan', entry.width)],
                        values,
                        f'/{entry.topic.lstrip("/")}',
                    )
                )
                sensors.externals[index][:] = values
                sensors.external_stamps_ns[index] = now_ns
        if requests and number in requests:
            asked = requests[number]
            for event in asked if isinstance(asked, tuple) else (asked,):
                is_taken, why = runner.request(event)
                assert is_taken, why
        runner.caller_findings = ()
        if isinstance(faults, dict) and number in faults:
            runner.caller_findings = (Finding(faults[number], 'outside.fault: seen by others'),)
        elif number in faults:
            runner.request(Event.ESTOP)
        step = runner.step(sensors, now_ns)
        if beside is not None:
            beside(sensors, now_ns, runner)
        log.modes.append(step.mode)
        log.commands.append(step.command.copy())
        log.sends.append(step.sends)
        receive_ns = now_ns + MS
        more = {'fault_action': ACTION_NUMBERS[runner.fault_action]}
        for entry, sample in zip(sensors.layout.externals, scans_ns, strict=True):
            more[f'{entry.topic}_ns'] = sample
        published = [
            joint_state(
                now_ns, JOINTS, step.command, topic='/joint_command', receive_ns=receive_ns
            )
        ]
        published.append(
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
                segments = [('all', len(values))]
                published.append(multi_array(receive_ns, segments, values, f'{NODE}/{name}'))
        log.messages += published if step.sends else published[1:]
    return log


def write_log(path, log, keep=lambda message: True):
    """Write the messages for which keep is true; return the path."""
    messages = sorted(filter(keep, log.messages), key=lambda message: message.receive_ns)
    return write_bag(path, messages)
