"""Who has the wire's secret, as a gateway has that somebody else controls, acts as nobody whom identity has not vouched for."""
import uuid

import pytest

from google.protobuf import message_factory

from lib.contract import contract
from lib.stack import wait_until
from lib.wire import Insider

READ, CREATE = "sfms.customers.v1.Accounts/GetAccount", "sfms.customers.v1.Accounts/CreateAccount"


def message(kind, /, **fields):
    made = message_factory.MessageFactory(contract().pool).GetPrototype(contract().pool.FindMessageTypeByName(kind))()
    for key, value in fields.items():
        if isinstance(value, list):
            getattr(made, key).extend(value)
        else:
            setattr(made, key, value)
    return made


def call(stack, service, method, request, principal=None):
    """One call by somebody who has the secret; answers the reply."""
    batch = message("sfms.rpc.v1.Batch")
    if principal is not None:
        batch.principals.add().CopyFrom(principal)
    batch.calls.add(method=method, request=request.SerializeToString(), principal=1 if principal is not None else 0, timeout_ms=5000)
    peer = Insider(stack.sockets[service], stack.secret)
    replies = message("sfms.rpc.v1.Replies")
    replies.ParseFromString(peer.call(batch))
    peer.close()
    return replies.replies[0]


def authenticate(stack, api):
    """What identity answers the gateway for a token."""
    reply = call(stack, "identity", "sfms.identity.v1.Sessions/Authenticate", message("sfms.rpc.v1.AuthenticateRequest", token=api.token))
    assert reply.status.code == 0, reply.status
    answer = message("sfms.rpc.v1.AuthenticateResponse")
    answer.ParseFromString(reply.response)
    return answer.principal


def create(stack, principal, name):
    return call(stack, "customers", CREATE, message("sfms.customers.v1.Account", name=name), principal).status


def count(stack, name):
    return stack.sql("SELECT count(*) FROM customers.accounts WHERE name = %s", name)[0][0]


def test_what_identity_has_signed_is_passed_on(stack, org):
    assert create(stack, authenticate(stack, org.admin.api), "Passed on").code == 0
    assert count(stack, "Passed on") == 1


def made_up(stack, org):
    return message("sfms.rpc.v1.Principal", org_id=org.id, user_id=org.admin.id, visibility=3,
                   permissions=["accounts.read", "accounts.write"])


FORGERIES = {
    "made up": lambda p, org, other, stack: made_up(stack, org),
    "another organisation": lambda p, org, other, stack: setattr(p, "org_id", other.id) or p,
    "another user": lambda p, org, other, stack: setattr(p, "user_id", org.admin.id) or p,
    "sees all": lambda p, org, other, stack: setattr(p, "visibility", 3) or p,
    "may more": lambda p, org, other, stack: p.permissions.append("users.write") or p,
    "holds longer": lambda p, org, other, stack: setattr(p, "expire_ms", p.expire_ms + 1000) or p,
    "no signature": lambda p, org, other, stack: p.ClearField("signature") or p,
    "a signature of zeros": lambda p, org, other, stack: setattr(p, "signature", bytes(64)) or p,
    "no signer": lambda p, org, other, stack: p.ClearField("signer") or p,
    "a signer that is no id": lambda p, org, other, stack: setattr(p, "signer", "x' OR true --") or p,
}


@pytest.mark.parametrize("kind", sorted(FORGERIES))
def test_what_was_changed_is_nobody(kind, stack, org, other_org):
    rep = org.person("Rep")
    principal = FORGERIES[kind](authenticate(stack, rep.api), org, other_org, stack)
    for service, method in (("customers", CREATE), ("identity", "sfms.identity.v1.Users/GetMe")):
        request = message("sfms.customers.v1.Account", name=f"Forged {kind}") if service == "customers" else message("sfms.identity.v1.GetMeRequest")
        status = call(stack, service, method, request, principal).status
        assert (status.code, status.reason) == (16, "BAD_TOKEN")
    assert count(stack, f"Forged {kind}") == 0


def test_a_signer_that_identity_does_not_know(stack, org):
    principal = authenticate(stack, org.admin.api)
    principal.signer = str(uuid.uuid4())
    status = create(stack, principal, "Unknown signer")
    assert status.code == 14 and status.retry_after > 0
    assert count(stack, "Unknown signer") == 0


def test_nobody_vouches_for_a_job_that_does_not_run(stack, org):
    job = str(uuid.uuid4())
    ask = message("sfms.rpc.v1.AuthenticateJobRequest", org_id=org.id, user_id=org.admin.id, job_id=job)
    assert call(stack, "identity", "sfms.identity.v1.Sessions/AuthenticateJob", ask).status.reason == "NOT_FOUND"
    stack.sql("INSERT INTO app.jobs (org_id, id, user_id, kind, payload, state, lease_until)"
              " VALUES (%s, %s, %s, 'nothing', '{}', 'RUNNING', now() + interval '1 minute')", org.id, job, org.admin.id)
    reply = call(stack, "identity", "sfms.identity.v1.Sessions/AuthenticateJob", ask)
    assert reply.status.code == 0
    principal = message("sfms.rpc.v1.Principal")
    principal.ParseFromString(reply.response)
    assert create(stack, principal, "By a job").code == 0
    ask.user_id = org.person("Rep").id
    assert call(stack, "identity", "sfms.identity.v1.Sessions/AuthenticateJob", ask).status.reason == "NOT_FOUND"
    stack.sql("UPDATE app.jobs SET state = 'DONE', end_time = now() WHERE id = %s", job)
    ask.user_id = org.admin.id
    assert call(stack, "identity", "sfms.identity.v1.Sessions/AuthenticateJob", ask).status.reason == "NOT_FOUND"


def test_what_a_tool_hears_of_a_user_is_not_signed(stack, org):
    reply = call(stack, "identity", "sfms.identity.v1.Sessions/GetPrincipal",
                 message("sfms.identity.v1.GetPrincipalRequest", org_id=org.id, user_id=org.admin.id))
    principal = message("sfms.rpc.v1.Principal")
    principal.ParseFromString(reply.response)
    assert principal.permissions and not principal.signature
    assert create(stack, principal, "Not signed").reason == "BAD_TOKEN"


def test_a_key_that_has_left_the_database_is_there_again(stack, org):
    """As after a backup was brought back, which does not have it. Who has met it goes on; who has not meets it within seconds."""
    stack.sql("DELETE FROM identity.signers")
    stack["pipeline"].kill()
    stack["pipeline"].start()
    wait_until("deals are listed again", lambda: org.api.get("/v1/deals").status == 200, 20)
    assert stack.sql("SELECT count(*) FROM identity.signers")[0][0] == 1


def test_unsigned_ones_are_believed_only_where_a_setting_says_so(stack, org):
    """While identity is of the version before, which does not sign."""
    customers = stack["customers"]
    customers.terminate()
    customers.env["SFMS_UNSIGNED_PRINCIPALS"] = "1"
    customers.start()
    try:
        stack.wait_ready()
        assert create(stack, made_up(stack, org), "Unsigned").code == 0
        forged = authenticate(stack, org.person("Rep").api)
        forged.visibility = 3
        assert create(stack, forged, "Signed wrongly").reason == "BAD_TOKEN"
    finally:
        customers.terminate()
        del customers.env["SFMS_UNSIGNED_PRINCIPALS"]
        customers.start()
        stack.wait_ready()
    assert create(stack, made_up(stack, org), "Unsigned again").reason == "BAD_TOKEN"
