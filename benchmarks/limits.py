# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Do the default limits change how trained policies walk, and do they bind when they must?

First table: each policy walks on the robot it was trained for, with sensor noise. Calibration
seeds raise the push speed until the policy without limits falls in a quarter of the runs; then the
default limits and no limits run on other seeds, the same ones for both. Intervals are bootstrapped
over the seeds, 95 %. Second table: one joint on a test stand, with misbehaving policies.

    python -m benchmarks.limits
    python -m benchmarks.limits --only playground_go1 --seeds 5 --json -
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
import dataclasses
from functools import cache
import json
import math
from pathlib import Path
import tempfile
from typing import NamedTuple

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import Sensors
from distill_runtime.policy.model import load_policy, LoadedPolicy
from distill_runtime.sim.disturb import DisturbConfig, NoiseConfig
from distill_runtime.sim.loop import CommandSchedule, simulate
from distill_runtime.sim.plant import Plant
from distill_runtime.sim.robot import SimRobot
from distill_runtime.sim.scene import load_scene, Scene, SceneConfig
from distill_runtime.spec.compile import compile_spec
from distill_runtime.spec.mapping import read_dataclass
from distill_runtime.spec.spec import PolicySpec
import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
ROBOTS = {
    'playground_go1': ('go1', 'unitree_go1'),
    'playground_g1': ('g1', 'unitree_g1_29dof'),
    'unitree_rl_lab_g1': ('g1', 'unitree_g1_29dof'),
    'rl_sar_go2_himloco': ('go2', 'unitree_go2'),
    'mjlab_anymal_c': ('anymal_c', 'anymal_c'),
    'unitree_rl_gym_g1_lstm': ('g1_12dof', 'unitree_g1_12dof'),
}
"""Scene and robot profile of each policy."""
LIMITS = {
    'default': RunnerConfig(start_in='policy'),
    'none': RunnerConfig(
        start_in='policy', position_limits='off', torque_limit=0.0, max_joint_step=0.0
    ),
}
COMMAND = (0.8, 0.0, 0.0)
PUSH_INTERVAL = 2.0
PUSHES = tuple(round(0.4 + 0.2 * step, 1) for step in range(14))
FIRST_CALIBRATION_SEED = 10_000
CALIBRATION_SEEDS = 20


class Run(NamedTuple):
    """Result of one walk."""

    fell: bool
    """Whether it fell, or ended in a fault."""
    distance: float
    """From the start, in [m]."""


class Job(NamedTuple):
    """One walk to simulate."""

    data: Path
    policy: str
    limits: str
    push: float
    seed: int
    seconds: float


@cache
def _loaded(data: Path, name: str) -> tuple[LoadedPolicy, Scene]:
    scene, profile = ROBOTS[name]
    spec = REPOSITORY / 'test' / 'policies' / f'{name}.yaml'
    policy = load_policy(
        data / 'policies' / name / 'policy.onnx', spec if spec.exists() else None, profile
    )
    config = SceneConfig(path=str(data / 'robots' / scene / f'{scene}.xml'))
    return policy, load_scene(config, policy.spec)


def walk(job: Job) -> Run:
    """Simulate a walk with noise and pushes."""
    policy, scene = _loaded(job.data, job.policy)
    runner = policy.runner(LIMITS[job.limits], scene.joint_names)
    disturb = DisturbConfig(
        noise=NoiseConfig.playground(1.0),
        push_speed=job.push,
        push_interval=PUSH_INTERVAL,
        seed=job.seed,
    )
    robot = SimRobot(scene, runner.compiled.layout)
    schedule = CommandSchedule(commands=(COMMAND,))
    result = simulate(runner, robot, schedule, job.seconds, disturb)
    return Run(result.fell or bool(result.fault), math.hypot(*result.displacement))


class Comparison(NamedTuple):
    """Default limits compared with no limits, on the same seeds."""

    policy: str
    push: float
    """In [m]/[s]."""
    seeds: int
    falls: int
    falls_without: int
    falls_change: tuple[float, float]
    """Interval of the change in the fraction of falls."""
    distance: float
    """Mean, in [m]."""
    distance_without: float
    distance_change: tuple[float, float]
    """Interval of the mean change, in [m]."""


def compare(
    name: str, data: Path, seeds: int, seconds: float, pool: ProcessPoolExecutor
) -> Comparison:
    """Calibrate the push speed, then compare default limits with none."""

    def runs(limits: str, push: float, chosen: Sequence[int]) -> list[Run]:
        return list(pool.map(walk, [Job(data, name, limits, push, s, seconds) for s in chosen]))

    calibration = range(FIRST_CALIBRATION_SEED, FIRST_CALIBRATION_SEED + CALIBRATION_SEEDS)
    for push in PUSHES:
        if 4 * sum(run.fell for run in runs('none', push, calibration)) >= len(calibration):
            break
    default, none = (runs(limits, push, range(seeds)) for limits in ('default', 'none'))
    falls = np.array([(a.fell, b.fell) for a, b in zip(default, none, strict=True)], float)
    distances = np.array([(a.distance, b.distance) for a, b in zip(default, none, strict=True)])
    return Comparison(
        policy=name,
        push=push,
        seeds=seeds,
        falls=int(falls[:, 0].sum()),
        falls_without=int(falls[:, 1].sum()),
        falls_change=interval(falls[:, 0] - falls[:, 1]),
        distance=float(distances[:, 0].mean()),
        distance_without=float(distances[:, 1].mean()),
        distance_change=interval(distances[:, 0] - distances[:, 1]),
    )


def interval(differences: FloatArray, level: float = 0.95) -> tuple[float, float]:
    """Return the bootstrap interval of the mean of paired differences, shape (n,)."""
    rng = np.random.default_rng(0)
    means = rng.choice(differences, (10_000, len(differences))).mean(axis=1)
    low, high = np.quantile(means, [(1.0 - level) / 2.0, (1.0 + level) / 2.0]).tolist()
    return low, high


STAND = """
<mujoco>
  <compiler angle="radian"/>
  <option timestep="0.002" integrator="implicitfast"/>
  <worldbody>
    <body pos="0 0 1">
      <joint name="hinge" axis="0 1 0" range="-1 1" limited="true"/>
      <geom type="capsule" fromto="0 0 0 0 0 -0.3" size="0.03" mass="1"/>
    </body>
  </worldbody>
</mujoco>
"""
EFFORT, KP, KD = 25.0, 40.0, 0.5
STAND_SPEC = {
    'name': 'stand',
    'period': 0.02,
    'joints': ['hinge'],
    'default_position': [0.0],
    'stiffness': [KP],
    'damping': [KD],
    'limits': {'position': [[-1.0, 1.0]], 'velocity': [20.0], 'effort': [EFFORT]},
    'inputs': [{'name': 'obs', 'terms': [{'term': 'joint_position', 'relative': True}]}],
    'outputs': {'action': {'name': 'action', 'scale': 1.0, 'offset': 'default'}},
}


class Scripted:
    """An open-loop policy."""

    def __init__(self, script: Callable[[int], float]) -> None:
        """Set the action per step."""
        self._script = script
        self.observation = np.zeros(1, np.float32)
        self.inputs = (self.observation,)
        self.action = np.zeros(1, np.float32)
        self.reset()

    def run(self) -> None:
        """Write the next action."""
        self.action[0] = self._script(self._step)
        self._step += 1

    def reset(self) -> None:
        """Restart the script."""
        self._step = 0


class Stand(NamedTuple):
    """Trajectory of one joint on the stand, ticks of 20 ms."""

    position: FloatArray
    """Measured position in [rad], shape (T,)."""
    command: FloatArray
    """Command that was sent, in [rad], shape (T,)."""
    torque: FloatArray
    """PD torque before the drive's effort limit, at each tick start, in [N m], shape (T,)."""


def on_stand(
    script: Callable[[int], float], config: RunnerConfig, ticks: int = 100, spike: float = 0.0
) -> Stand:
    """Drive one joint with a scripted policy.

    Args:
        script: Target in [rad] at each policy step.
        config: Limits and checks.
        ticks: Number of ticks.
        spike: False velocity in [rad]/[s] in the message halfway; 0: the measured one.
    """
    spec = read_dataclass(PolicySpec, STAND_SPEC, '')
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'stand.xml'
        path.write_text(STAND)
        scene = load_scene(SceneConfig(path=str(path)), spec)
    runner = PolicyRunner(compile_spec(spec), Scripted(script), config)
    plant = Plant(SimRobot(scene, runner.compiled.layout), DisturbConfig(), 0.02)
    sensors = Sensors(runner.compiled.layout)
    rows = []
    for tick in range(ticks):
        plant.sense(sensors)
        position, velocity = float(sensors.joint_position[0]), float(sensors.joint_velocity[0])
        if spike and tick == ticks // 2:
            sensors.joint_velocity[0] = spike
        step = runner.step(sensors, plant.robot.stamp_ns)
        command = float(step.command[0])
        rows.append((position, command, KP * (command - position) - KD * velocity))
        plant.act(step.command if step.sends else None)
    return Stand(*np.array(rows).T)


def stand_rows() -> list[tuple[str, str, str, str]]:
    """Return the effect of each limit on misbehaving policies."""
    default, none = LIMITS['default'], LIMITS['none']
    clip = dataclasses.replace(default, position_limits='clip')

    def stop(config: RunnerConfig) -> str:
        run = on_stand(lambda step: 2.0, config)
        final, peak = run.torque[-1], run.position.max() - 1.0
        return f'{final:.1f} N m outward at rest, {peak:.2f} rad beyond at impact'

    def runaway(config: RunnerConfig) -> str:
        run = on_stand(lambda step: -0.9 + 0.9 * step, config, 20)
        return f'{np.abs(run.torque).max():.0f} N m asked, target {run.command.max():.1f} rad'

    def spike(config: RunnerConfig, velocity: float) -> str:
        plain, *spiked = (
            on_stand(_swing, config, 40, value)[:2] for value in (0.0, velocity, -velocity)
        )
        # only the tick of the message: later commands depend on where the joint went
        moved = [abs(commands[20] - plain[1][20]) for _, commands in spiked]
        return f'{max(moved):.3f} rad'

    return [
        ('driven into its stop (target 1 rad beyond)', stop(default), stop(clip), stop(none)),
        ('runaway target (0.9 rad a step)', runaway(default), runaway(clip), runaway(none)),
        *(
            (
                f'velocity ±{velocity:g} rad/s in one message: the command moves by',
                *(spike(config, velocity) for config in (default, clip, none)),
            )
            for velocity in (1e9, 57.3)
        ),
    ]


def _swing(step: int) -> float:
    """Return a target that requires more torque than the joint has."""
    return 0.9 * math.sin(0.5 * step)


def print_tables(comparisons: Sequence[Comparison], rows: Sequence[Sequence[str]]) -> None:
    """Print both tables in Markdown."""
    print(
        '| policy | pushes | falls, default | falls, none | change of falls | distance, default '
        '| distance, none | change of distance |\n|---|---|---|---|---|---|---|---|'
    )
    for row in comparisons:
        low, high = (100.0 * share for share in row.falls_change)
        print(
            f'| {row.policy} | {row.push:g} m/s | {row.falls} of {row.seeds} '
            f'| {row.falls_without} of {row.seeds} | {low:+.0f} to {high:+.0f} % '
            f'| {row.distance:.2f} m | {row.distance_without:.2f} m '
            f'| {row.distance_change[0]:+.2f} to {row.distance_change[1]:+.2f} m |'
        )
    print('\n| one joint on a stand | default | `position_limits: clip` | no limits |')
    print('|---|---|---|---|')
    for cells in rows:
        print(f'| {" | ".join(cells)} |')


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument('--only', nargs='+', choices=ROBOTS, default=list(ROBOTS))
    parser.add_argument('--seeds', type=int, default=100)
    parser.add_argument('--seconds', type=float, default=12.0)
    parser.add_argument('--workers', type=int, default=2)
    parser.add_argument(
        '--data', type=Path, default=REPOSITORY.parent / 'shared' / 'data', help='policies, robots'
    )
    parser.add_argument('--json', metavar='F', help='write the figures to a file; -: print them')
    args = parser.parse_args()
    with ProcessPoolExecutor(args.workers) as pool:
        comparisons = [
            compare(name, args.data, args.seeds, args.seconds, pool) for name in args.only
        ]
    rows = stand_rows()
    if args.json:
        text = json.dumps(
            {'walks': [row._asdict() for row in comparisons], 'stand': rows}, indent=2
        )
        print(text) if args.json == '-' else Path(args.json).write_text(text + '\n')
    if args.json != '-':
        print_tables(comparisons, rows)


if __name__ == '__main__':
    main()
