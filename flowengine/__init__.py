"""Phone lines and chats as YAML state machines, answered to Sinch.

The documented Python API is :func:`flowengine.web.create_app`, :func:`flowengine.function` and the names in
``docs/reference.md``; everything else is private.
"""

from flowengine.functions import function

__version__ = "0.1.0"
__all__ = ["__version__", "function"]
