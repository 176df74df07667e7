"""What these tests share: an app with limits of its own."""

from tests.api.kernel.conftest import limited

__all__ = ["limited"]
