"""Runs a command beside a running system: stack.py FOLDER COMMAND...

Writes the OpenAPI documents to the folder. The command finds address, mail address and password of an administrator, in whose
organisation are seven accounts, in SFMS_BASE, SFMS_EMAIL and SFMS_PASSWORD.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import requests  # noqa: E402

from lib.org import Org, PASSWORD  # noqa: E402
from lib.stack import Stack  # noqa: E402


def main():
    folder, *command = sys.argv[1:]
    stack = Stack()
    try:
        stack.start()
        org = Org(stack)
        for n in range(7):
            org.api.post("/v1/accounts", json={"name": f"云帆 {n}", "city": "长沙", "website": "https://例子.example/路", "annualRevenue": f"{n}.50",
                                               "phone": "+8673188886666", "customFields": {"tier": "gold", "n": n}}).ok(201)
        for name in ("openapi.json", "openapi-3.0.json"):
            with open(os.path.join(folder, name), "wb") as f:
                f.write(requests.get(f"{stack.base}/{name}", timeout=60).content)
        env = {**os.environ, "SFMS_BASE": stack.base, "SFMS_EMAIL": org.admin.email, "SFMS_PASSWORD": PASSWORD}
        status = subprocess.run(command, env=env).returncode
    finally:
        wrong = stack.stop()
    if wrong:
        print(wrong)
    sys.exit(status or bool(wrong))


main()
