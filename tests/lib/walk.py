"""Calls any method of the contract."""
import re
import uuid

from lib.records import Records


class Walk:
    """Calls any method of the contract, with as little as makes the call well-formed."""

    def __init__(self, org):
        self.org, self.records = org, Records(org)

    def path(self, method, id=None):
        """The method's address; id (a new UUID if None) in its variables, except {resource}."""
        id = id or str(uuid.uuid4())
        path = self.org.make.filled(method.route.path)
        return re.sub(r"\{([^}]+)\}", lambda m: "accounts" if m.group(1) == "resource" else id, path)

    def body(self, method):
        """A body that the method accepts; None if it takes none or no JSON."""
        message = method.body_message
        if message is None:
            return None
        collection = method.route.collection
        if method.verb in ("CREATE", "UPSERT"):
            more = {"externalId": uuid.uuid4().hex} if method.verb == "UPSERT" else {}
            return self.org.make.body(collection, **more)
        if method.verb == "UPDATE":
            return {"externalSource" if "external_source" in message.fields_by_name else "label": "test"}
        if method.verb in ("SHARE", "UNSHARE"):
            return {"userId": self.org.admin.id}
        body = self.org.make._message(message, 1, False)
        return {k: v for k, v in body.items() if k not in method.route.variables}

    def call(self, api, method, id=None, **more):
        """Calls the method with a well-formed request."""
        if method.route.body and "json" not in more and "data" not in more:
            more["json"] = self.body(method)
            if more["json"] is None:
                more.update(json=None, data=b"name\nx\n", params={"resource": "accounts"},
                            headers={"Content-Type": "text/csv", **more.get("headers", {})})
        return api.call(method.route.verb, self.path(method, id), **more)
