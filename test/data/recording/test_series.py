# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.bags.dropped import NOT_FINITE, OTHER_WIDTH, UNDECODABLE
from distill_runtime.data.recording.series import (
    read_imu,
    read_stream,
    read_vectors,
    read_velocity_command,
)
import numpy as np
from support.bags import imu, MS, multi_array, twist, undecodable, write_bag


def read(tmp_path, messages, reader, *args):
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        return reader(bag, bag.topics[0], *args)


def test_quaternion_comes_as_w_x_y_z_and_without_one_as_nan(tmp_path):
    messages = [
        imu(7 * MS, (0.1, 0.2, 0.3, 0.4), (1, 2, 3)),
        imu(8 * MS, covariance=-1.0, rate=(4, 5, 6)),
    ]
    stream = read(tmp_path, messages, read_imu)
    assert stream.values[0].tolist() == [0.1, 0.2, 0.3, 0.4, 1, 2, 3]
    assert np.isnan(stream.values[1, :4]).all()
    assert stream.values[1, 4:].tolist() == [4, 5, 6]
    assert stream.stamp_ns.tolist() == [7 * MS, 8 * MS]


def test_command_has_a_stamp_only_if_its_type_has(tmp_path):
    plain = read(tmp_path / 'a', [twist(5 * MS, (1, 2, 3))], read_velocity_command)
    assert plain.values.tolist() == [[1, 2, 3]]
    assert plain.stamp_ns is None
    message = twist(5 * MS, (1, 2, 3), stamp_ns=4 * MS)
    stamped = read(tmp_path / 'b', [message], read_velocity_command)
    assert stamped.stamp_ns.tolist() == [4 * MS]
    assert stamped.receive_ns.tolist() == [5 * MS]


def test_command_that_is_not_finite_is_dropped(tmp_path):
    messages = [twist(1, (1, 2, np.nan)), twist(2, (1, 2, 3))]
    stream = read(tmp_path, messages, read_velocity_command)
    assert stream.values.tolist() == [[1, 2, 3]]
    assert stream.dropped[NOT_FINITE].tolist() == [1]


def test_undecodable_message_is_dropped_with_its_time(tmp_path):
    messages = [imu(1 * MS), undecodable(imu(2 * MS)), imu(3 * MS), undecodable(imu(4 * MS))]
    stream = read(tmp_path, messages, read_imu)
    assert stream.stamp_ns.tolist() == [1 * MS, 3 * MS]
    assert stream.dropped[UNDECODABLE].tolist() == [2 * MS, 4 * MS]
    assert (stream.num_usable, stream.num_skipped) == (2, 2)


def test_only_wanted_rows_are_read(tmp_path):
    asked = []

    def choose(stamp_ns, receive_ns):
        asked.extend(stamp_ns.tolist())
        return stamp_ns // MS % 2 == 0

    messages = [imu(t * MS, (1, 0, 0, 0), (t, 0, 0)) for t in range(1, 6)]
    stream = read(tmp_path, messages, read_imu, choose)
    assert asked == [t * MS for t in range(1, 6)]
    assert stream.values[:, 4].tolist() == [2, 4]
    assert stream.receive_ns.tolist() == [2 * MS, 4 * MS]
    assert stream.num_usable == 5


def test_external_array_is_read_by_its_width(tmp_path):
    messages = [
        multi_array(t, [('a', size)], range(size), '/scan') for t, size in ((1, 3), (2, 2))
    ]
    stream = read(tmp_path, messages, read_stream, 3)
    assert (stream.values.tolist(), stream.stamp_ns) == ([[0, 1, 2]], None)
    assert stream.dropped[OTHER_WIDTH].tolist() == [2]


def test_vectors_are_read_whatever_their_labels(tmp_path):
    topic = '/student_node/observation'
    messages = [
        multi_array(5, [('gravity', 2), ('command', 1)], [1, 2, 3], topic),
        undecodable(multi_array(6, [], [], topic)),
        multi_array(7, [('x', 2)], [0, 0], topic),
    ]
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        found = read_vectors(bag, topic, 3)
        assert read_vectors(bag, topic, 4) is None
        assert read_vectors(bag, '/other', 3) is None
    assert found.receive_ns.tolist() == [5, 6]
    assert found.values[:].dtype == np.float32
    np.testing.assert_array_equal(found.values[:], [[1, 2, 3], [np.nan] * 3])
    assert {reason: times.tolist() for reason, times in found.dropped.items()} == {
        UNDECODABLE: [6],
        OTHER_WIDTH: [7],
    }
