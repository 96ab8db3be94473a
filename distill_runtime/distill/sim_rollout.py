# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Roll out episodes in simulator processes with the behavior policy, labeled by the teacher.

DAgger needs the teacher's action in the states that the behavior policy visits: at each tick one
of teacher and student moves the robot, and both see what follows, see policy_pair.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
import contextlib
from dataclasses import dataclass
from functools import partial
import multiprocessing
import signal
from types import TracebackType

from distill_runtime.core.checks.registry import ANY_MOTION
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.sensors import Sensors
from distill_runtime.core.step import Policy
from distill_runtime.errors import ConfigError
from distill_runtime.policy.model import load_policy
from distill_runtime.policy.session import open_session, PolicySession
from distill_runtime.sim.disturb import DisturbConfig, NoiseConfig
from distill_runtime.sim.loop import CommandSchedule
from distill_runtime.sim.plant import Plant
from distill_runtime.sim.robot import FallConfig, SimRobot
from distill_runtime.sim.scene import load_scene, SceneConfig
from distill_runtime.spec.compile import sensor_layout
from distill_runtime.spec.spec import PolicySpec
import numpy as np

from .command_curve import CommandCurve
from .policy_pair import compile_pair, PolicyPair
from .train import Episode
from .variation import draw_episode, EpisodeDraw, VariationConfig

_CONFIG = RunnerConfig(start_in='policy', cmd_vel_timeout=0.0, tilt_limit=0.0, checks=ANY_MOTION)
_FALL = FallConfig(max_tilt=0.8)
"""Stricter than for evaluation: labels in the middle of a fall are useless."""

_worker_rollout: list[Rollout] = []
"""The simulator of this worker process."""


@dataclass(frozen=True, kw_only=True)
class RolloutConfig:
    """Configuration of a rollout worker, a process: files are given by path."""

    teacher: str
    teacher_spec: str | None
    student_spec: PolicySpec
    variation: VariationConfig
    teacher_command: CommandCurve
    scene: str
    """MJCF file; '': the shipped one."""


class Rollout:
    """Rolls out episodes in one process."""

    def __init__(self, config: RolloutConfig) -> None:
        """Load teacher and scene.

        Raises:
            ConfigError: If the teacher has no command range, or does not fit the student or the
                scene.
        """
        self._config = config
        loaded = load_policy(config.teacher, config.teacher_spec)
        if loaded.spec.command is None:
            raise ConfigError('command is missing in the spec of the teacher, expected its range')
        self._command_range = loaded.spec.command
        self._teacher = loaded.session
        student = config.student_spec
        layout = sensor_layout(loaded.spec, student.joints)
        self._pair = compile_pair(loaded.spec, student, layout)
        scene_config = SceneConfig(path=config.scene) if config.scene else SceneConfig()
        scene = load_scene(scene_config, student)
        self._robot = SimRobot(scene, layout, _FALL)
        model = scene.model
        self._nominal = {
            name: getattr(model, name).copy()
            for name in (
                'geom_friction',
                'body_mass',
                'body_inertia',
                'actuator_gainprm',
                'actuator_biasprm',
            )
        }

    def run(self, student: bytes, beta: float, seed: tuple[int, ...]) -> Episode:
        """Run one episode.

        Args:
            student: ONNX file.
            beta: Probability that the teacher's action is executed in a tick.
            seed: Seed of all random numbers of the episode.
        """
        random = np.random.default_rng(seed)
        command_range, variation = self._command_range, self._config.variation
        drawn = draw_episode(variation, command_range.lower, command_range.upper, random)
        self._vary(drawn, random)
        disturb = DisturbConfig(
            noise=NoiseConfig.playground(drawn.noise),
            push_speed=drawn.push_speed,
            push_interval=variation.push_interval,
            latency=drawn.latency,
            seed=int(random.integers(2**31)),
        )
        period = self._config.student_spec.period
        plant = Plant(self._robot, disturb, period)
        self._stand(plant, round(drawn.stand_seconds / period), random)
        schedule = CommandSchedule(commands=drawn.commands, interval=variation.command_interval)
        return self._drive(plant, schedule, self._open(student), beta, random)

    def _drive(
        self,
        plant: Plant,
        schedule: CommandSchedule,
        student: Policy,
        beta: float,
        random: np.random.Generator,
    ) -> Episode:
        robot, period = self._robot, self._config.student_spec.period
        curve = self._config.teacher_command
        pair = PolicyPair(self._pair, self._teacher, student, _CONFIG)
        sensors = Sensors(robot.layout)
        observations, labels = [], []
        for tick in range(round(self._config.variation.seconds / period)):
            plant.sense(sensors)
            wanted = np.array(schedule.at(tick * period))
            commands = curve.teacher_command(wanted), wanted
            sensors.command_stamp_ns = robot.stamp_ns
            step = pair.step(
                sensors, commands, robot.stamp_ns, teacher_acts=random.random() < beta
            )
            if step is None:
                break
            observations.append(step.observation.copy())
            labels.append(step.label)
            plant.act(step.command)
            if robot.has_fallen:
                break
        return Episode(np.array(observations), np.array(labels), robot.has_fallen)

    def _open(self, student: bytes) -> Policy:
        session, graph = open_session(student)
        return PolicySession(session, graph, self._config.student_spec)

    def _stand(self, plant: Plant, ticks: int, random: np.random.Generator) -> None:
        """Hold a pose near the default one before the policy starts."""
        reach = self._config.variation.start_pose
        default = self._robot.default_command
        pose = default + random.uniform(-reach, reach, len(default))
        for _ in range(ticks):
            plant.act(pose)

    def _vary(self, drawn: EpisodeDraw, random: np.random.Generator) -> None:
        """Change friction, masses and gains of the scene for one episode."""
        model, nominal = self._robot.scene.model, self._nominal
        model.geom_friction[:] = nominal['geom_friction'] * drawn.friction
        factor = random.uniform(*self._config.variation.mass, len(model.body_mass))
        model.body_mass[:] = nominal['body_mass'] * factor
        model.body_inertia[:] = nominal['body_inertia'] * factor[:, None]
        servos = self._robot.scene.actuators
        model.actuator_gainprm[servos, 0] = (
            nominal['actuator_gainprm'][servos, 0] * drawn.stiffness
        )
        model.actuator_biasprm[servos, 1] = (
            nominal['actuator_biasprm'][servos, 1] * drawn.stiffness
        )
        model.actuator_biasprm[servos, 2] = nominal['actuator_biasprm'][servos, 2] * drawn.damping


class SimCollect:
    """Collects the episodes of a round; they do not depend on the number of workers."""

    def __init__(self, config: RolloutConfig, seed: int, workers: int) -> None:
        """Start the pool; call it in the main thread, since it blocks signals."""
        self._seed = seed
        self._pool = ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context('spawn'),
            initializer=_start_worker,
            initargs=(config,),
        )
        with _blocked_interrupts():
            for _ in range(workers):
                self._pool.submit(int)  # starts a worker, as none is idle yet

    def __call__(self, student: bytes, beta: float, count: int, first: int) -> Sequence[Episode]:
        """Run episodes; see dagger.Collect."""
        seeds = [(self._seed, first + number) for number in range(count)]
        return list(self._pool.map(partial(_run_in_worker, student, beta), seeds))

    def __enter__(self) -> SimCollect:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the processes."""
        self._pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _blocked_interrupts() -> Iterator[None]:
    """Delay Ctrl-C to the end of the block, and block it in processes that are started within.

    A process inherits the signal mask of the thread that starts it. Other threads of this process
    lack the mask: a signal that they receive is raised at the end.
    """
    noted: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: noted.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    if noted:
        signal.raise_signal(signal.SIGINT)


def _start_worker(config: RolloutConfig) -> None:
    _worker_rollout.append(Rollout(config))


def _run_in_worker(student: bytes, beta: float, seed: tuple[int, ...]) -> Episode:
    return _worker_rollout[0].run(student, beta, seed)
