"""What the design promises in numbers, measured. Nothing here is a test: tests never time anything.

    python -m tests.benchmarks [--json] [--only NAME] [--quick]
    python -m tests.benchmarks.webhooks [--json] [--quick]

Machines differ and are noisy, so every number also comes as a ratio to a calibration loop of the same run.
"""
