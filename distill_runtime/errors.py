# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Errors that distill_runtime raises.

DistillError
├── ConfigError        a spec, parameter or robot profile is wrong
├── ModelError         a model file cannot be used
│   └── SignatureError it has no valid signature of a trusted key
├── RecordingError     a recording cannot be used
├── DatasetError       a dataset cannot be read or written
├── WorkerError        a unit of work was lost with its process
├── ShapeError         an array has the wrong shape
└── MissingExtraError  an optional library is not installed
"""


class DistillError(Exception):
    """Base class of the errors of this package."""


class ConfigError(DistillError, ValueError):
    """A configured value is missing, unknown, of the wrong type or out of range."""


class ModelError(DistillError):
    """A model file is unreadable, does not match its spec, or computes wrong numbers."""


class SignatureError(ModelError):
    """A model is unsigned, signed with an untrusted key, or was altered after signing."""


class RecordingError(DistillError):
    """A recording is damaged, empty, or lacks required topics."""


class DatasetError(DistillError):
    """A dataset is damaged, or cannot be written, such as on a full disk."""


class WorkerError(DistillError):
    """A process that does a unit of work has died, or no process can be had."""


class ShapeError(DistillError, ValueError):
    """An array does not have the documented shape."""


class MissingExtraError(DistillError, ImportError):
    """A required optional library is not installed."""
