# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

from distill_runtime.data.tick_fields import model_number, TICK_FIELDS
from distill_runtime.data.tick_log import TickLog


def test_every_field_is_an_array_of_the_log():
    assert set(TICK_FIELDS) <= {field.name for field in dataclasses.fields(TickLog)}


def test_number_of_a_model_is_the_first_60_bits_of_its_hash():
    assert model_number('f' * 64) == 2**60 - 1
    assert model_number('0' * 14 + '1' + 'f' * 49) == 1
