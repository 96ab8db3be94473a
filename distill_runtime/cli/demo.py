# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""`distill-runtime demo`: a simulated robot walks, driven by student_node over DDS."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from distill_runtime.cli.demo_output.processes import node_processes
from distill_runtime.cli.terminal.arguments import add_param_argument, quoted
from distill_runtime.cli.terminal.extras import installed, of_extra
from distill_runtime.cli.terminal.output import write_json
from distill_runtime.errors import ConfigError, RecordingError
from distill_runtime.share import share_path

if TYPE_CHECKING:
    from distill_runtime.ros.demo.monitor import DemoResult

DESCRIPTION = """
Start a simulated quadruped and student_node as two processes that communicate over DDS in real
time, as a robot and its computer would: standby, start, walk, turn. Shows the state of the node
while it runs, ends by itself, and prints a summary. With --model the run starts without standby:
not every robot can stand in its default pose unaided. With --record, student_node records the run
as it records a robot; distill-runtime replay reads it.
"""
EPILOG = """
examples:
  distill-runtime demo
  distill-runtime demo --seconds 60 --noise 1 --pushes 0.5
  distill-runtime demo -p tilt_limit:=0.5 -p max_joint_step:=0.2 --record runs
  distill-runtime demo --model policy.onnx --robot unitree_g1_29dof --scene g1.xml --json demo.json

exit status: 0 the robot walked, 1 it fell or walked less than half of what was commanded,
2 something could not be started or recorded
"""
_GIVEN = {
    **dict.fromkeys(('robot', 'robot_description'), '--robot'),
    'model': '--model',
    'spec': '--spec',
    'record_to': '--record',
}
"""Parameters of student_node that options of this command set."""
SHIPPED_MODEL = 'models/quadruped_student.onnx'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument('--seconds', type=float, default=20.0, help='time to walk (default: 20)')
    parser.add_argument('--json', metavar='F', help='write the summary to a file; -: print it')
    parser.add_argument('--model', metavar='MODEL', help='ONNX policy (default: our student)')
    parser.add_argument('--spec', metavar='F', default='', help='spec file of the model')
    parser.add_argument('--robot', default='', help='robot profile, or path of a URDF')
    add_param_argument(parser, 'parameter of student_node; may be repeated', _GIVEN)
    parser.add_argument('--record', metavar='DIR', help='folder that gets a recording of the run')
    parser.add_argument('--scene', metavar='MJCF', default='', help='scene (default: quadruped)')
    parser.add_argument('--noise', type=float, default=0.0, help='level of sensor noise')
    parser.add_argument('--pushes', type=float, default=0.0, help='velocity of pushes in m/s')
    parser.add_argument('--seed', type=int, default=0, help='of noise and pushes')


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    if not args.seconds >= 1.0:
        raise ConfigError(f'--seconds is {args.seconds}, expected at least 1')
    # a demo must not reach a real robot in the network
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    os.environ['ROS_DOMAIN_ID'] = str(1 + os.getpid() % 100)
    with installed('source ROS 2 and install "distill_runtime[sim]", or run make setup'):
        from distill_runtime.cli.demo_output.panel import open_panel
        from distill_runtime.ros.demo.monitor import monitor
        import distill_runtime.sim.scene  # noqa: F401  sim_node needs it
    folder = RecordingFolder(Path(args.record).expanduser().resolve()) if args.record else None
    with node_processes(_nodes(args)) as processes, open_panel() as panel:
        result = monitor(args.seconds, processes, panel)
    recording = folder.new_recording() if folder else None
    if args.json:
        path = None if recording is None else str(recording)
        write_json(args.json, {**result.report(), 'recording': path})
    if args.json != '-':
        _print(result, recording)
    return 0 if result.walked else 1


class RecordingFolder:
    """The folder in which student_node creates a recording."""

    def __init__(self, folder: Path) -> None:
        """Create the folder and list the recordings in it.

        Raises:
            ConfigError: If it cannot be created.
            MissingExtraError: If the library that writes recordings is not installed.
        """
        with of_extra('bags'):
            import distill_runtime.data.flight_recorder.bag_writer  # noqa: F401  student_node needs it
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f'--record {folder} cannot be made: {error.strerror}') from error
        self._folder = folder
        self._earlier = self._complete()

    def new_recording(self) -> Path:
        """Return the recording that was added.

        Raises:
            RecordingError: If there is no complete one.
        """
        found = sorted(self._complete() - self._earlier)
        if not found:
            raise RecordingError(
                f'{self._folder} has no complete recording of this run, expected one: see the '
                'messages of student_node above'
            )
        return found[-1]

    def _complete(self) -> set[Path]:
        return {path.parent for path in self._folder.glob('*/metadata.yaml')}


def _nodes(args: argparse.Namespace) -> dict[str, dict[str, str]]:
    """Return the parameters of both nodes."""
    model = Path(args.model).expanduser().resolve() if args.model else share_path() / SHIPPED_MODEL
    policy = {'model': quoted(str(model)), 'spec': _resolved(args.spec)}
    policy['robot'] = quoted(args.robot) if args.robot else ''
    student = {**policy, 'autostart': 'true', 'ramp_time': '0.5', 'blackbox_dir': "''"}
    student['record_to'] = _resolved(args.record)
    student['start_in'] = 'policy' if args.model else 'standby'
    student['max_input_age'] = '0.5'  # the simulated robot shares the processors with the node
    student.update(assignment.split(':=', 1) for assignment in args.param)
    simulator = {
        **policy,
        'scene': _resolved(args.scene),
        'noise': str(args.noise),
        'push_speed': str(args.pushes),
        'seed': str(args.seed),
    }
    return {'sim_node': simulator, 'student_node': student}


def _resolved(path: str | None) -> str:
    """Return a path as a parameter; '' for none."""
    return quoted(str(Path(path).expanduser().resolve())) if path else ''


def _print(result: DemoResult, recording: Path | None) -> None:
    """Print the summary."""
    rows = [
        ('result', 'walked' if result.walked else result.why_not),
        (
            'distance',
            f'{result.walked_distance:.2f} m of {result.commanded_distance:.2f} m commanded',
        ),
        ('velocity error', f'{result.velocity_error:.3f} m/s, mean'),
        ('minimum height', f'{result.min_height:.3f} m'),
        ('maximum tilt', f'{result.max_tilt:.3f} rad'),
        ('ticks', f'{result.ticks} at {result.rate:.2f} Hz, {result.missed} deadlines missed'),
        (
            'tick latency',
            f'{result.latency_p50_us:.0f} us median, {result.latency_p99_us:.0f} us p99',
        ),
        ('period jitter', f'{result.jitter_p99_us:.0f} us p99'),
    ]
    rows += [('recording', str(recording))] if recording else []
    for name, text in rows:
        print(f'{name:16} {text}')
