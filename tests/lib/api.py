"""An HTTP client whose tests read like transcripts.

    deal = api.post("/v1/deals", json={"name": "Acme renewal"}).ok()
    api.post(f"/v1/deals/{deal['id']}:move", json={"stageId": won}).fails(400, "STAGE_REQUIREMENTS")
"""
import json as json_module
import re

import requests

from lib.document import Document

CHINESE = re.compile(r"[\u4e00-\u9fff]")
PROBLEM_KEYS = {"type", "title", "status", "detail", "instance", "code", "requestId", "errors", "existingId"}


class Answer:
    """What came back. ok() and fails() say what was expected and answer the JSON."""

    def __init__(self, response):
        self.response = response
        self.status = response.status_code
        self.headers = response.headers
        self.text = response.text

    def __str__(self):
        r = self.response.request
        body = f" {str(r.body)[:500]}" if r.body else ""
        return f"{r.method} {r.url}{body}\n-> {self.status} {self.text[:2000]}"

    def json(self):
        return self.response.json()

    @property
    def etag(self):
        return self.headers.get("ETag")

    def ok(self, status=None):
        """The call succeeded (with this very status, if given). Answers the body."""
        expected = self.status == status if status else 200 <= self.status < 300
        assert expected, f"expected {status or 'success'}:\n{self}"
        kind = self.headers.get("Content-Type", "")
        if not self.text:
            return None
        return self.json() if "json" in kind else self.text

    def fails(self, status, code=None, pointer=None, reason=None):
        """The call was refused: status, code, and one of errors[] with this reason and this JSON pointer (or the name
        of this argument of the address). Answers the problem."""
        assert self.status == status, f"expected {status} {code or ''}:\n{self}"
        problem = self.problem()
        assert code is None or problem["code"] == code, f"expected code {code}:\n{self}"
        if pointer is not None or reason is not None:
            hits = [e for e in problem.get("errors", [])
                    if pointer in (None, e.get("pointer"), e.get("parameter")) and reason in (None, e["reason"])]
            assert hits, f"expected an error at {pointer} with reason {reason}:\n{self}"
        return problem

    def problem(self):
        """The body as RFC 9457 has it, with all that this system promises beside."""
        assert self.headers.get("Content-Type", "").startswith("application/problem+json"), f"no problem+json:\n{self}"
        problem = self.json()
        for key in ("type", "title", "detail", "code", "requestId"):
            assert isinstance(problem.get(key), str) and problem[key], f"{key} is missing:\n{self}"
        assert problem["status"] == self.status, f"status differs from the HTTP status:\n{self}"
        assert re.fullmatch(r"[A-Z][A-Z0-9_]*", problem["code"]), f"not a code:\n{self}"
        assert set(problem) <= PROBLEM_KEYS, f"unknown members:\n{self}"
        assert self.headers.get("X-Request-Id") == problem["requestId"], f"X-Request-Id differs:\n{self}"
        for error in problem.get("errors") or []:
            assert set(error) - {"pointer", "parameter"} == {"detail", "reason"}, f"errors[] has another shape:\n{self}"
            assert len(error) == 3, f"either in the body or in the address:\n{self}"
            assert error.get("pointer", "") == "" or error["pointer"][0] == "/", f"not a JSON pointer:\n{self}"
        return problem


_documents = {}     # by address
_looked_at = {}     # by operation and status


def check_documented(answer, base, verb, path):
    """Every answer that a test sees fits the OpenAPI document, or the document is wrong. Of each operation and status the first
    answers are looked at, and of what follows one in sixteen; very long ones are left out."""
    if base not in _documents:
        reply = requests.get(base + "/openapi.json", timeout=60)
        _documents[base] = Document(reply.json()) if reply.status_code == 200 else None
    document = _documents[base]
    operation = document and document.find("GET" if verb == "HEAD" else verb, path.partition("?")[0])
    if not operation or verb == "HEAD" or len(answer.text) > 100000:
        return
    key = (operation["operationId"], answer.status)
    n = _looked_at[key] = _looked_at.get(key, 0) + 1
    if n > 40 and n % 16:
        return
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    faults = document.answer_faults(operation, answer.status, answer.headers, kind, answer.json() if answer.text and "json" in kind else None)
    assert not faults, f"the OpenAPI document says otherwise: {faults[:5]}\n{answer}"


class Api:
    """A caller: an address, a token, a language."""

    def __init__(self, base, token=None, **headers):
        self.base, self.token = base, token
        self.http = requests.Session()
        self.http.trust_env = False
        if token:
            self.http.headers["Authorization"] = f"Bearer {token}"
        for name, value in headers.items():
            self.http.headers[name.replace("_", "-")] = value

    org = None      # whose parts are meant by an address that does not say below which record

    def call(self, verb, path, json=None, params=None, data=None, headers=None, timeout=60, **more):
        headers = dict(headers or {})
        if self.org and "{" in path:
            path = self.org.make.filled(path)
        if json is not None:
            data = json_module.dumps(json, ensure_ascii=False).encode()
            headers.setdefault("Content-Type", "application/json")
        elif data is not None:
            headers.setdefault("Content-Type", "application/json")
        if params:
            params = {k: str(v).lower() if isinstance(v, bool) else v for k, v in params.items()}
        answer = Answer(self.http.request(verb, self.base + path, data=data, params=params, headers=headers,
                                          timeout=timeout, allow_redirects=False, **more))
        if not more.get("stream"):
            check_documented(answer, self.base, verb, path)
        return answer

    def get(self, path, **params):
        return self.call("GET", path, params=params)

    def post(self, path, json=None, **more):
        return self.call("POST", path, json={} if json is None and "data" not in more else json, **more)

    def patch(self, path, json, **more):
        return self.call("PATCH", path, json=json, **more)

    def put(self, path, json, **more):
        return self.call("PUT", path, json=json, **more)

    def delete(self, path, **more):
        return self.call("DELETE", path, **more)

    def pages(self, path, **params):
        """Every page of a list, as bodies."""
        token = None
        while True:
            if token:
                params["pageToken"] = token
            page = self.get(path, **params).ok()
            yield page
            token = page.get("nextPageToken")
            if not token:
                return

    def all(self, path, **params):
        """Every element of a list, over all pages."""
        found = []
        for page in self.pages(path, **params):
            found += elements(page)
        return found

    def without_token(self):
        return Api(self.base)


def elements(page):
    """The repeated field of a list's body."""
    lists = [v for v in page.values() if isinstance(v, list)]
    assert len(lists) == 1, f"a list answers one array: {list(page)}"
    return lists[0]
