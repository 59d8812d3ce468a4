"""Fault tests break things, so each module has a system of its own."""
import pytest

from lib.org import Org
from lib.stack import Stack


@pytest.fixture(scope="module")
def own_stack():
    stack = Stack()
    try:
        stack.start()
        yield stack
    finally:
        wrong = stack.stop()
    assert not wrong, wrong


@pytest.fixture(scope="module")
def victim(own_stack):
    """An organisation in the system that is going to be broken."""
    return Org(own_stack)
