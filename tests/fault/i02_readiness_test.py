"""A gateway is taken out of a balancer only when it can do nothing: what one service has lost, the others need not."""
import requests

from lib.stack import SERVICES, wait_until


def readyz(stack):
    answer = requests.get(f"{stack.base}/readyz", timeout=5)
    body = answer.json()
    return answer.status_code, body["ready"], body["degraded"], {s["service"] for s in body["services"] if s["ok"]}


def test_one_service_is_away(own_stack, victim):
    assert readyz(own_stack) == (200, True, False, set(SERVICES))
    for service in SERVICES[1:]:
        own_stack[service].terminate()
        assert readyz(own_stack) == (200, True, True, set(SERVICES) - {service})
        victim.api.get("/v1/me").ok()
        own_stack[service].start()
        wait_until(f"{service} is back", own_stack.ready)


def test_without_the_service_that_knows_who_calls(own_stack):
    own_stack["identity"].terminate()
    assert readyz(own_stack) == (503, False, True, set(SERVICES) - {"identity"})
    own_stack["identity"].start()
    own_stack.wait_ready()


def test_with_that_service_alone(own_stack):
    for service in SERVICES[1:]:
        own_stack[service].terminate()
    assert readyz(own_stack) == (503, False, True, {"identity"})
    assert requests.get(f"{own_stack.base}/healthz", timeout=5).status_code == 200
    for service in SERVICES[1:]:
        own_stack[service].start()
    own_stack.wait_ready()
