# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Write labels as topics (`--mcap`), with the receive times of the recording, for plotting.

/relabel/TEACHER/action         std_msgs/Float32MultiArray   raw network output
/relabel/TEACHER/joint_command  sensor_msgs/JointState       its targets, stamped with the tick
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
import re
import shutil
from typing import Any
import uuid

from distill_runtime.core.arrays import StampArray
from distill_runtime.errors import DatasetError
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores


class LabelBag:
    """A rosbag2 folder that is complete once it has its name."""

    def __init__(self, path: Path, joints: tuple[str, ...], receive_ns: StampArray) -> None:
        """Open it under another name.

        Args:
            path: Of the folder.
            joints: Of the targets.
            receive_ns: Of each tick.

        Raises:
            DatasetError: If it cannot be written.
        """
        self._path, self._joints, self._receive_ns = path, list(joints), receive_ns
        self._unfinished = path.with_name(f'.{path.name}.{uuid.uuid4().hex[:12]}.tmp')
        named = self._unfinished / path.name  # the file in it has this name
        self._store = get_typestore(Stores.ROS2_JAZZY)
        self._connections: dict[str, Any] = {}
        try:
            self._unfinished.mkdir(parents=True)
            self._writer = Writer(named, version=9, storage_plugin=StoragePlugin.MCAP)
            self._writer.open()
        except OSError as error:
            raise DatasetError(f'{path} cannot be written: {error.strerror}') from error

    def write(self, rows: Mapping[str, Any]) -> None:
        """Write the labels of one teacher.

        Raises:
            DatasetError: If the disk is full.
        """
        types = self._store.types
        teacher = re.sub(r'\W', '_', rows['teacher'])
        layout = types['std_msgs/msg/MultiArrayLayout'](dim=[], data_offset=0)
        array, command = (
            types['std_msgs/msg/Float32MultiArray'],
            types['sensor_msgs/msg/JointState'],
        )
        stamps = rows['stamp_ns'].tolist()
        for row in np.flatnonzero(np.isfinite(rows['label']).all(axis=1)).tolist():
            receive_ns = int(self._receive_ns[rows['step'][row]])
            second, nanosecond = divmod(stamps[row], 1_000_000_000)
            stamp = types['builtin_interfaces/msg/Time'](sec=second, nanosec=nanosecond)
            header = types['std_msgs/msg/Header'](stamp=stamp, frame_id='')
            self._send(
                f'/relabel/{teacher}/action',
                array(layout=layout, data=rows['label'][row]),
                receive_ns,
            )
            message = command(
                header=header,
                name=self._joints,
                position=rows['label_target'][row],
                velocity=np.zeros(0),
                effort=np.zeros(0),
            )
            self._send(f'/relabel/{teacher}/joint_command', message, receive_ns)

    def close(self) -> None:
        """Complete the folder.

        Raises:
            DatasetError: If the disk is full.
        """
        try:
            self._writer.close()
            if self._path.exists():
                shutil.rmtree(self._path)
            (self._unfinished / self._path.name).rename(self._path)
        except OSError as error:
            raise DatasetError(f'{self._path} cannot be written: {error.strerror}') from error

    def discard(self) -> None:
        """Remove what was written of an incomplete folder, if it is."""
        shutil.rmtree(self._unfinished, ignore_errors=True)

    def _send(self, topic: str, message: Any, receive_ns: int) -> None:  # noqa: ANN401
        kind = message.__msgtype__
        try:
            if topic not in self._connections:
                self._connections[topic] = self._writer.add_connection(
                    topic, kind, typestore=self._store
                )
            content = self._store.serialize_cdr(message, kind)
            self._writer.write(self._connections[topic], receive_ns, content)
        except OSError as error:
            raise DatasetError(f'{self._path} cannot be written: {error.strerror}') from error
