"""``flowengine serve``: flows compiled and tried beside what is served, put in their place whole, workers replaced.

The process that runs here serves nothing itself. It compiles in a child, keeps gunicorn and the worker of the outbox
running, and exchanges their processes one by one when there are new flows.
"""
