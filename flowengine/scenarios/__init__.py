"""Scenarios: what a person does and what must come of it, written beside a flow in ``NAME.test.yaml``."""
