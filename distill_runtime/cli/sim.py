# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""`distill-runtime sim`: run a policy on a simulated robot, without ROS, faster than real time."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
import time
from typing import TYPE_CHECKING

from distill_runtime.cli.terminal.arguments import add_policy_arguments
from distill_runtime.cli.terminal.extras import of_extra
from distill_runtime.cli.terminal.output import write_json
from distill_runtime.core.config import RunnerConfig
from distill_runtime.policy.model import load_policy, LoadedPolicy
from distill_runtime.policy.versions import versions

if TYPE_CHECKING:
    from distill_runtime.sim.loop import SimResult
    from distill_runtime.sim.scene import Scene

DESCRIPTION = """
Run a policy on a simulated robot and report how far it walks. The robot starts in the default
pose, with its feet on the ground; each tick reads the sensors, runs the policy, and applies its
command to the physics until the next tick. The scene is any MJCF file; the default is a small
quadruped of this package. The actuators of the policy's joints in the scene are replaced by servos
with the gains and effort limits of the spec. The same command with the same seed gives the same
numbers, and the same stream of commands, on one machine.
"""
EPILOG = """
examples:
  distill-runtime sim quadruped_student.onnx --command 0.5 0 0
  distill-runtime sim policy.onnx --robot unitree_g1_29dof --scene g1.xml --seconds 20
  distill-runtime sim policy.onnx --spec go2.yaml --scene go2.xml --noise 1 --pushes 0.5 --seed 3
  distill-runtime sim policy.onnx --spec go2.yaml --scene go2.xml --json -

exit status: 0 no fall and no fault, 1 the robot fell, or the policy ended in a fault, 2 the input
cannot be used, or wrong usage
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_policy_arguments(parser)
    parser.add_argument('--scene', metavar='MJCF', help='scene file (default: our quadruped)')
    parser.add_argument('--seconds', type=float, default=10.0, help='time (default: 10)')
    parser.add_argument(
        '--command',
        nargs=3,
        type=float,
        default=[0.5, 0.0, 0.0],
        metavar=('VX', 'VY', 'WZ'),
        help='velocity command in m/s, m/s, rad/s (default: 0.5 0 0)',
    )
    parser.add_argument('--json', metavar='F', help='write the result to a file; -: print it')
    _add_scene_options(parser.add_argument_group('scene'))
    _add_disturbances(parser.add_argument_group('disturbances'))


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    with of_extra('sim'):
        from distill_runtime.sim.disturb import DisturbConfig, NoiseConfig
        from distill_runtime.sim.loop import CommandSchedule, simulate
        from distill_runtime.sim.robot import SimRobot
        from distill_runtime.sim.scene import load_scene, SceneConfig, SHIPPED_SCENE
    config = SceneConfig(
        path=args.scene or str(SHIPPED_SCENE),
        imu_site=args.imu_site,
        actuators=args.actuators,
        timestep=args.timestep,
    )
    disturb = DisturbConfig(
        noise=NoiseConfig.playground(args.noise),
        push_speed=args.pushes,
        push_interval=args.push_interval,
        latency=args.latency,
        drop=args.drop,
        seed=args.seed,
    )
    schedule = CommandSchedule(commands=(tuple(args.command),))
    policy = load_policy(args.model, args.spec, args.robot)
    scene = load_scene(config, policy.spec)
    runner = policy.runner(RunnerConfig(start_in='policy'), scene.joint_names)
    robot = SimRobot(scene, runner.compiled.layout)
    start = time.perf_counter()
    result = simulate(runner, robot, schedule, args.seconds, disturb)
    wall = time.perf_counter() - start
    if args.json:
        write_json(args.json, _report(args, policy, scene, result))
    if args.json != '-':
        _print(policy, scene, result, wall)
    return 1 if result.fell or result.fault else 0


def _add_scene_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--actuators',
        choices=['pd', 'scene'],
        default='pd',
        help='pd: servos with the gains of the spec (default); scene: those of the scene',
    )
    group.add_argument(
        '--imu-site',
        default='',
        metavar='NAME',
        help='site of the Imu (default: the one on the base whose name contains imu, or the base)',
    )
    group.add_argument(
        '--timestep', type=float, default=0.0, metavar='S', help="physics step (default: scene's)"
    )


def _add_disturbances(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--noise',
        type=float,
        default=0.0,
        metavar='LEVEL',
        help='sensor noise; 1: 0.03 rad, 1.5 rad/s of joints, 0.2 rad/s, 0.05 rad of the Imu',
    )
    group.add_argument(
        '--pushes', type=float, default=0.0, metavar='V', help='velocity of pushes in m/s'
    )
    group.add_argument(
        '--push-interval', type=float, default=3.0, metavar='S', help='default: 3 s'
    )
    group.add_argument(
        '--latency', type=int, default=0, metavar='N', help='ticks by which a command acts late'
    )
    group.add_argument(
        '--drop', type=float, default=0.0, metavar='P', help='probability to lose a sensor message'
    )
    group.add_argument('--seed', type=int, default=0, metavar='N', help='of all random numbers')


def _report(
    args: argparse.Namespace, policy: LoadedPolicy, scene: Scene, result: SimResult
) -> dict[str, object]:
    return {
        **dataclasses.asdict(result),
        'command': args.command,
        'seed': args.seed,
        'model': {'path': str(policy.path), 'name': policy.spec.name, 'sha256': policy.sha256},
        'scene': {'path': args.scene or 'quadruped.xml', 'notes': list(scene.notes)},
        'versions': versions('mujoco', 'numpy', 'onnxruntime'),
    }


def _outcome(result: SimResult) -> str:
    """Return the result as text: a fault comes first, even without a fall."""
    fall = 'fell' if result.fell else 'did not fall'
    return f'fault: {result.fault}; {fall}' if result.fault else fall


def _print(policy: LoadedPolicy, scene: Scene, result: SimResult, wall: float) -> None:
    dx, dy = result.displacement
    rows = [
        ('policy', f'{policy.spec.name} ({Path(policy.path).name})'),
        ('result', _outcome(result)),
        ('time', f'{result.seconds:.2f} s, {result.seconds / wall:.0f} x real time'),
        ('displacement', f'{dx:.2f} m ahead, {dy:.2f} m to the left'),
        ('velocity error', f'{result.mean_velocity_error:.3f} m/s'),
        ('yaw rate error', f'{result.mean_yaw_rate_error:.3f} rad/s'),
        ('minimum height', f'{result.min_height:.3f} m'),
        ('maximum tilt', f'{result.max_tilt:.3f} rad'),
        ('commands sha256', result.commands_sha256),
    ]
    rows += [('note', note) for note in scene.notes]
    for name, text in rows:
        print(f'{name:16} {text}')
