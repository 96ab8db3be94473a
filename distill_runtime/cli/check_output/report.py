# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""JSON report of `check`."""

from __future__ import annotations

import dataclasses

from distill_runtime.policy.validation import Validation
from distill_runtime.spec.mapping import to_mapping
from distill_runtime.spec.observation_table import observation_rows

from .model import ModelFacts


def check_report(found: Validation, model: ModelFacts) -> dict[str, object]:
    """Return the report; the epilog of the command lists its keys."""
    sourced, policy = found.sourced, found.policy
    return {
        'deployable': found.is_deployable,
        'findings': [dataclasses.asdict(finding) for finding in found.findings],
        'model': model.report(found),
        'spec': None if sourced is None else to_mapping(sourced.spec),
        'sources': {} if sourced is None else dict(sourced.sources),
        'conflicts': [
            dataclasses.asdict(entry) for entry in (sourced.conflicts if sourced else ())
        ],
        'observation': _observation(found),
        'robot': None
        if found.robot is None
        else {'name': found.robot.name, 'joints': found.robot.joints},
        'golden_error': None if policy is None else policy.golden_error,
        'dry_run': None if found.run is None else dataclasses.asdict(found.run),
        'limits': None if found.limits is None else dataclasses.asdict(found.limits),
        'target_at_rest': None if found.step is None else found.step.target.tolist(),
    }


def _observation(found: Validation) -> list[dict[str, object]]:
    """Return the index ranges of each term, both ends inclusive."""
    if found.sourced is None or found.compiled is None:
        return []
    spec = found.sourced.spec
    return [
        {
            'input': entry.name,
            'width': spec.input_dim(entry),
            'terms': [
                {
                    'term': row.term.kind,
                    'elements': row.elements,
                    'frames': [
                        {'age': age, 'first': first, 'last': last}
                        for age, (first, last) in zip(row.ages, row.blocks, strict=True)
                    ],
                }
                for row in rows
            ],
        }
        for entry, rows in zip(spec.inputs, observation_rows(spec, found.compiled), strict=True)
    ]
