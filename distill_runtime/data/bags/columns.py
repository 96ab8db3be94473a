# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Decode a chunk into columns of numbers, by layout group; the rest message by message.

Quaternions are (w, x, y, z) from here on, but for poses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from distill_runtime.core.arrays import IndexArray
from distill_runtime.wire.layouts import ARRAYS, FIXED, JOINT_KINDS, JOINT_STATE, JOINT_TRAJECTORY
from distill_runtime.wire.rows import Columns, read_rows
import numpy as np
import numpy.typing as npt

from .bag import Bag, Topic
from .chunk import Chunk


def read_columns(bag: Bag, topic: Topic, chunk: Chunk) -> tuple[list[Columns], IndexArray]:
    """Decode a chunk.

    A JointTrajectory has the positions and velocities of its first point. Of a type without a
    layout only the stamps are read.

    Args:
        bag: The recording.
        topic: The topic.
        chunk: Some of its messages.

    Returns:
        Columns of each layout group, and the index of the messages that cannot be decoded.
    """
    groups = list(read_rows(chunk, topic.type)) if bag.is_cdr else []
    is_left = np.ones(len(chunk.sizes), np.bool_)
    for group in groups:
        is_left[group.index] = False
    undecodable = []
    for index in np.flatnonzero(is_left).tolist():
        try:
            message = bag.deserialize(chunk.content(index), topic)
        except Exception:  # noqa: BLE001  rosbags raises many types, IndexError among them
            undecodable.append(index)
        else:
            groups.append(_columns_of(message, topic.type, index))
    return groups, np.array(undecodable, np.intp)


def _columns_of(message: Any, message_type: str, index: int) -> Columns:  # noqa: ANN401
    """Return the columns of one message object."""
    names, kinds = _read_message(message, message_type)
    arrays = [np.asarray(values)[None] for values in kinds]
    stamp = getattr(getattr(message, 'header', None), 'stamp', None)

    def numbers(kind: int = 0, chosen: Any = slice(None)) -> npt.NDArray[Any]:  # noqa: ANN401
        return arrays[kind][chosen]

    return Columns(
        np.array([index]),
        None if stamp is None else np.array([stamp.sec * 1_000_000_000 + stamp.nanosec], np.int64),
        tuple(names),
        tuple(array.shape[1] for array in arrays),
        numbers,
    )


def _read_message(
    message: Any,  # noqa: ANN401 - a class that rosbags makes at run time
    message_type: str,
) -> tuple[Iterable[str], Sequence[npt.ArrayLike]]:
    """Return the names and each kind of numbers of a message object."""
    if message_type in FIXED:
        numbers = list(_float64s(message))
        return (), ([numbers[column] for column in FIXED[message_type].columns],)
    if message_type in ARRAYS:
        return [dimension.label for dimension in message.layout.dim], (message.data,)
    if message_type == JOINT_STATE:
        return message.name, [getattr(message, kind) for kind in JOINT_KINDS]
    if message_type == JOINT_TRAJECTORY:
        nothing = np.zeros(0)
        point = message.points[0] if message.points else None
        kinds = (nothing, nothing) if point is None else (point.positions, point.velocities)
        return message.joint_names, (*kinds, nothing)
    return (), ()


def _float64s(message: Any) -> Iterator[float]:  # noqa: ANN401
    """Yield the float64 values of a message object in the order of its definition."""
    for field in fields(message):
        value = getattr(message, field.name)
        if isinstance(value, float):
            yield value
        elif isinstance(value, np.ndarray):
            yield from value.tolist()
        elif field.name != 'header' and not isinstance(value, str):
            yield from _float64s(value)
