# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Open a recording of any kind that rosbags reads: rosbag2 (MCAP, sqlite3) and rosbag1.

No ROS is needed. A bag without message definitions, as older distributions write, is read with the
definitions of Humble: the messages used here have not changed since.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from distill_runtime.errors import ConfigError, RecordingError
from distill_runtime.spec.files import read_yaml

from .chunk import Chunk, one_line
from .mcap_bag import McapBag
from .rosbags_reader import RosbagsReader

_ENCAPSULATION = b'\x00\x01\x00\x00'
KINDS = ('rosbag2 folder', '.mcap', '.db3', 'rosbag1 .bag')


class Topic(NamedTuple):
    """One topic of a recording."""

    name: str
    type: str
    """Such as sensor_msgs/msg/JointState, for rosbag1 too."""
    num_messages: int


class Bag:
    """An open recording; close it, or use it in a with statement."""

    def __init__(self, path: Path | str) -> None:
        """Open a recording.

        Args:
            path: Folder of a rosbag2, one of its .mcap or .db3 files, or a rosbag1 .bag.

        Raises:
            ConfigError: If the path does not exist.
            RecordingError: If it is no recording, damaged, or empty.
        """
        self.path = Path(path)
        if not self.path.exists():
            raise ConfigError(f'recording {self.path} does not exist')
        files, self._missing = _mcap_files(self.path)
        if not files and self.path.is_dir() and not (self.path / 'metadata.yaml').is_file():
            raise RecordingError(
                f'{self.path} has no metadata.yaml, expected one of {list(KINDS)}: was the '
                'recording cut off? ros2 bag reindex writes it again'
            )
        try:
            self._reader: McapBag | RosbagsReader = (
                McapBag(files) if files else RosbagsReader(self.path)
            )
        except Exception as error:  # of many types: sqlite3's, zstd's, YAML's among them
            raise RecordingError(
                f'{self.path} cannot be read as a recording ({", ".join(KINDS)}): '
                f'{one_line(error)}: if it was cut off, try ros2 bag reindex, sqlite3 .recover '
                'or rosbag reindex'
            ) from error
        self.is_cdr = self._reader.is_cdr
        """Whether messages are serialized as CDR."""
        counts = self._reader.counts()
        self.topics = tuple(Topic(*key, count) for key, count in sorted(counts.items()))
        """All topics, by name."""
        if not sum(counts.values()):
            self.close()
            raise RecordingError(
                f'{self.path} is empty, expected messages'
                + ''.join(f'; {what}' for what in self.damage)
            )

    def __enter__(self) -> Bag:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all files."""
        self._reader.close()

    @property
    def damage(self) -> tuple[str, ...]:
        """What could not be read so far."""
        return (*self._missing, *self._reader.damage)

    def chunks(self, topic: Topic) -> Iterator[Chunk]:
        """Yield the messages of a topic, serialized, in order of receipt.

        Raises:
            RecordingError: If the file is damaged there.
        """
        try:
            yield from self._reader.chunks(topic.name, topic.type)
        except Exception as error:  # of many types, IndexError and zlib's among them
            raise self._damaged(topic, error) from error

    def messages(self, topic: Topic) -> Iterator[tuple[int, Any]]:
        """Yield the time of receipt in [ns] and the object of each message, in order of receipt.

        Raises:
            RecordingError: If the file, or a message, is damaged there.
        """
        for chunk in self.chunks(topic):
            for index, receive_ns in enumerate(chunk.receive_ns.tolist()):
                try:
                    message = self.deserialize(chunk.content(index), topic)
                except Exception as error:  # of many types, IndexError among them
                    raise self._damaged(topic, error) from error
                yield receive_ns, message

    def has_definition(self, topic: Topic) -> bool:
        """Return whether messages of a topic can be deserialized."""
        try:
            self.deserialize(_ENCAPSULATION, topic)
        except KeyError:
            return False
        except Exception:  # noqa: BLE001  the content ends too early
            return True
        return True

    def deserialize(self, content: bytes, topic: Topic) -> Any:  # noqa: ANN401 - rosbags makes it
        """Return a message as an object; raises errors of many types if it is damaged."""
        return self._reader.deserialize(content, topic.type)

    def _damaged(self, topic: Topic, error: Exception) -> RecordingError:
        return RecordingError(f'{self.path} is damaged at {topic.name}: {one_line(error)}')


def _mcap_files(path: Path) -> tuple[list[Path], list[str]]:
    """Return the MCAP files of a recording whose messages are not compressed one by one.

    Their order, and which are missing, is read from metadata.yaml; if that is damaged or missing,
    the order is that of the numbers in their names.

    Returns:
        The files, and a text for each missing one.
    """
    if not path.is_dir():
        return ([path] if path.suffix == '.mcap' else []), []
    files = sorted(path.glob('*.mcap'), key=_numbered)
    try:
        information = read_yaml(path / 'metadata.yaml')
        metadata = information['rosbag2_bagfile_information']  # type: ignore[index]
        if metadata.get('compression_mode'):
            return [], []
        names = [PurePath(name).name for name in metadata['relative_file_paths']]
    except (ConfigError, KeyError, TypeError, AttributeError):
        return files, []
    order = {name: index for index, name in enumerate(names)}
    found = {file.name for file in files}
    missing = [
        f'{path} lacks {name}, which its metadata.yaml names: its messages are missing'
        for name in names
        if files and name not in found
    ]
    return sorted(files, key=lambda file: order.get(file.name, len(order))), missing


def _numbered(path: Path) -> tuple[int, str]:
    number = path.stem.rpartition('_')[2]
    return (int(number) if number.isdecimal() else -1, path.name)
