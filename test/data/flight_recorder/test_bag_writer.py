# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import json
from unittest.mock import Mock

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.flight_recorder.bag_writer import BagWriter
import pytest
from rosbags.rosbag2 import Reader
from rosbags.rosbag2.storage_mcap import McapWriter
from support.bags import MS, read_topic
from support.recordings import read_recording
from support.ring_buffers import FilledRingBuffer, JOINTS, STAMP, STATES
import yaml


def write(path, ring_buffer, every=None):
    """Write all records, some at a time if the bag is to be flushed in between."""
    bag = BagWriter(path, ring_buffer.facts)
    records = ring_buffer.reader.read().records
    for start in range(0, len(records), every or len(records)):
        bag.write(records[start : start + (every or len(records))])
        if every:
            bag.flush()
    bag.finish({'cause': 'test'})


def numbers_of(path, name):
    return [message.data[0] for _, message in read_topic(path, f'/{name}')]


def models_of(path):
    return [(time_ns, message.message) for time_ns, message in read_topic(path, '/model')]


@pytest.mark.parametrize('every', [None, 1, 7])
def test_messages_equal_the_records_however_often_they_are_flushed(tmp_path, every):
    ring_buffer, path = FilledRingBuffer(1 << 22), tmp_path / 'bag'
    ring_buffer.tick(50)
    ring_buffer.status('fault', 'tilt: too far')
    write(path, ring_buffer, every)
    assert numbers_of(path, 'tick') == list(range(50))
    node = ring_buffer.facts.node
    with Bag(path) as bag:
        assert {topic.name: topic.num_messages for topic in bag.topics} == {
            '/joint_states': 50, '/cmd_vel': 10, f'{node}/tick': 50, f'{node}/half': 50,
            f'{node}/model': 1, '/diagnostics': 1,
        }  # fmt: skip
    recording = read_recording(path)
    assert recording.joints.joints == JOINTS
    assert recording.joints.position[:, 0].tolist() == list(range(50))
    # a sample is received by the tick that took it, a Twist when it was sent
    assert recording.joints.receive_ns[1] == STAMP + 20 * MS
    assert recording.command.receive_ns.tolist() == [
        STAMP + (number * 20 - 30) * MS for number in range(0, 50, 5)
    ]


def test_large_bag_of_several_chunks_is_in_order_and_has_its_policy_and_cause(tmp_path):
    ring_buffer = FilledRingBuffer(1 << 22)
    ring_buffer.tick(6000)
    write(tmp_path / 'bag', ring_buffer)
    with Reader(tmp_path / 'bag') as reader:
        times = [time_ns for _, time_ns, _ in reader.messages()]
    assert times == sorted(times)
    assert len(times) > 6000 * 3
    metadata = yaml.safe_load((tmp_path / 'bag' / 'metadata.yaml').read_text())
    report = json.loads(metadata['rosbag2_bagfile_information']['custom_data']['distill_runtime'])
    assert (report['model_sha256'], report['cause']) == ('ab' * 32, 'test')


def test_cut_off_bag_has_what_was_flushed(tmp_path):
    ring_buffer = FilledRingBuffer()
    bag = BagWriter(tmp_path / 'bag', ring_buffer.facts)
    ring_buffer.tick(10)
    bag.write(ring_buffer.reader.read().records)
    bag.flush()
    content = (tmp_path / 'bag' / 'bag.mcap').read_bytes()
    bag.abort()
    assert content.count(b'/joint_states') == 1
    assert not (tmp_path / 'bag' / 'metadata.yaml').exists()


def test_full_disk_is_an_error_and_the_bag_can_be_aborted(tmp_path, monkeypatch):
    ring_buffer = FilledRingBuffer()
    bag = BagWriter(tmp_path / 'bag', ring_buffer.facts)

    full = OSError(errno.ENOSPC, 'No space left on device')
    ring_buffer.tick()
    bag.write(ring_buffer.reader.read().records)
    monkeypatch.setattr(McapWriter, 'close_chunk', Mock(side_effect=full))
    with pytest.raises(OSError, match='No space'):
        bag.flush()
    bag.abort()


@pytest.mark.parametrize('every', [None, 1, 7])
def test_ticks_after_a_change_are_those_of_the_next_policy(tmp_path, every):
    ring_buffer, path = FilledRingBuffer(1 << 22), tmp_path / 'bag'
    ring_buffer.tick(20)
    ring_buffer.change_to('next.onnx')
    ring_buffer.tick(10)
    ring_buffer.repeat_change()
    ring_buffer.tick(10)
    write(path, ring_buffer, every)
    (first_ns, first), second = models_of(path)
    assert (first, second) == ('walk.onnx', (STAMP + 400 * MS, 'next.onnx'))
    assert first_ns <= STAMP
    assert numbers_of(path, 'quarter') == [number / 4 for number in range(20, 40)]
    assert numbers_of(path, 'half') == [number / 2 for number in range(40)]


def test_overwritten_change_is_known_from_its_repetition_however_late(tmp_path):
    ring_buffer = FilledRingBuffer(1 << 22)
    ring_buffer.tick(20)
    ring_buffer.change_to('next.onnx')
    first = ring_buffer.writer.count + 1
    ring_buffer.tick(700)
    ring_buffer.repeat_change()
    ring_buffer.tick(10)
    bag = BagWriter(tmp_path / 'bag', ring_buffer.facts)
    pulses = []
    records = ring_buffer.reader.read(first).records
    bag.write(records, lambda: pulses.append(1))
    bag.finish({})
    ((_, model),) = models_of(tmp_path / 'bag')
    assert model == 'next.onnx'
    assert len(numbers_of(tmp_path / 'bag', 'quarter')) == 710
    assert len(pulses) > len(records) // 1000, 'a long write sends heartbeats'


def test_recording_that_begins_with_samples_waits_for_the_active_policy(tmp_path):
    """The model was changed between two runs; the change record follows the samples."""
    ring_buffer = FilledRingBuffer(1 << 22)
    ring_buffer.change_to('next.onnx')
    ring_buffer.tick(3)
    samples = [record for record in ring_buffer.reader.read().records if record.channel == STATES]
    bag = BagWriter(tmp_path / 'bag', ring_buffer.facts)
    bag.write(samples)
    bag.write([r for r in ring_buffer.reader.read().records if r.channel != STATES])
    bag.finish({})
    assert [model for _, model in models_of(tmp_path / 'bag')] == ['next.onnx']
