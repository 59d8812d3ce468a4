"""What the walks over the contract share: addresses and bodies for any method, callers of every kind."""
import pytest

from lib.api import Api
from lib.contract import contract
from lib.walk import Walk


@pytest.fixture(scope="module")
def walk(org):
    return Walk(org)


@pytest.fixture(scope="module")
def stranger(other_org):
    """The admin of another tenant, with what he needs to make bodies of his own."""
    return Walk(other_org)


@pytest.fixture(scope="module")
def nobody(org):
    """A user of the organisation whose role permits nothing."""
    org.new_role("Nobody", [])
    return org.person("Nobody").api


@pytest.fixture(scope="module")
def guest(stack):
    """Somebody without a token."""
    return Api(stack.base)


def pytest_generate_tests(metafunc):
    """Parameters named method are all routed methods that the test's marker asks for."""
    given = {name for m in metafunc.definition.iter_markers("parametrize") for name in m.args[0].split(",")}
    if "method" in metafunc.fixturenames and "method" not in given:
        wanted = getattr(metafunc.function, "wanted", lambda m: True)
        chosen = [m for m in contract().routed if wanted(m)]
        metafunc.parametrize("method", chosen, ids=[m.name.removeprefix("sfms.") for m in chosen])
