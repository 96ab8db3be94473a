# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""All errors that distill_runtime raises.

DistillError
├── ConfigError        a spec, parameter or robot profile is wrong
├── ModelError         a model file cannot be used
│   └── SignatureError it is not signed as it must be
├── RecordingError     a recording cannot be used
├── ShapeError         an array has the wrong shape
└── MissingExtraError  an optional library is not installed
"""


class DistillError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigError(DistillError, ValueError):
    """A configured value is missing, unknown, of the wrong type or out of range."""


class ModelError(DistillError):
    """A model file is unreadable, does not fit its spec, or gives wrong numbers."""


class SignatureError(ModelError):
    """A model is not signed, not with a key that is trusted, or was altered since."""


class RecordingError(DistillError):
    """A recording is damaged, empty, or lacks what is needed of it."""


class ShapeError(DistillError, ValueError):
    """An array has a shape other than the one documented."""


class MissingExtraError(DistillError, ImportError):
    """An optional library is needed for this and is not installed."""
