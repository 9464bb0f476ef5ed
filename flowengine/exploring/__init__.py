"""Calls and conversations that nobody wrote: every way through a flow, then random ones, and what must hold in all."""
