"""``python -m flowengine`` is the ``flowengine`` command."""

from flowengine.cli import main

if __name__ == "__main__":
    main(prog_name="flowengine")
