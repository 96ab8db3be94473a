# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""All that goes wrong, in groups."""

from __future__ import annotations

from .faults_of_machines import CLOCKS, COMPUTER, NETWORK, WORLD
from .faults_of_messages import FORMS, STAMPS, TRANSPORT
from .faults_of_values import CONVENTIONS, VALUES

GROUPS = {
    'Messages that do not come, or come late': TRANSPORT,
    'Stamps': STAMPS,
    'Messages of another form': FORMS,
    'Values': VALUES,
    'Units, signs and orders': CONVENTIONS,
    'Clocks': CLOCKS,
    'The network': NETWORK,
    'The world': WORLD,
    'Computer and people': COMPUTER,
}
FAULTS = tuple(fault for faults in GROUPS.values() for fault in faults)
