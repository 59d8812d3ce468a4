"""A database as an older version has left it: at the level of some of the migrations, and then brought up to date."""
import glob
import hashlib
import os
import re

import psycopg2.extras

from lib.stack import ROOT

FOLDERS = ("common/db", *(f"services/{s}" for s in ("identity", "customers", "pipeline", "activities", "analytics", "exchange")))


def migrations():
    """All of them as (owner, name, path), in the order in which they apply: see CMakeLists.txt."""
    first, numbered = [], []
    for folder in FOLDERS:
        owner = os.path.basename(folder).replace("db", "app")
        for path in sorted(glob.glob(f"{ROOT}/{folder}/schema/*.sql")):
            name = os.path.basename(path)
            (first if re.match("000[0-9]_", name) else numbered).append((owner, name, path))
    return first + sorted(numbered, key=lambda m: m[1])


class OldDatabase:
    """A database of the running cluster that has all migrations before the one of this name. The roles are there already."""

    def __init__(self, stack, name, before):
        self.stack, self.name = stack, name
        stack.sql(f"CREATE DATABASE {name}")
        self.conn = stack.pg.connect(name)
        # What sfmsctl tells the migrations of the program's own tables.
        (currencies,) = stack.sql("SELECT jsonb_agg(to_jsonb(c))::text FROM app.currencies c")[0]
        self.sql("SELECT set_config('sfms.currencies', %s, false)", currencies)
        self.sql("CREATE SCHEMA sfms")
        self.sql("CREATE TABLE sfms.app_migrations (owner text, name text, checksum text NOT NULL,"
                 " apply_time timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (owner, name))")
        for owner, file, path in migrations():
            if file == before:
                return
            with open(path, encoding="utf-8") as f:
                text = f.read()
            aside = file.endswith(".aside.sql")
            for part in re.split(r"(?<=;)\n", text) if aside else [f"BEGIN;{text};COMMIT"]:
                if part.strip():
                    self.conn.cursor().execute(part)
            self.sql("INSERT INTO sfms.app_migrations VALUES (%s, %s, %s)", owner, file,
                     hashlib.blake2b(text.encode(), digest_size=32).hexdigest())
        raise AssertionError(f"there is no migration {before}")

    def sql(self, text, *values):
        """Runs one statement as the owner and answers its rows as tuples."""
        cursor = self.conn.cursor()
        cursor.execute(text, values or None)
        return cursor.fetchall() if cursor.description else []

    def insert(self, table, **values):
        """Inserts a row; dicts and lists as jsonb."""
        values = {k: psycopg2.extras.Json(v) if isinstance(v, (dict, list)) else v for k, v in values.items()}
        self.sql(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})", *values.values())

    def migrate(self):
        """Brings it up to date, and answers what sfmsctl said."""
        return self.stack.ctl("migrate", SFMS_DATABASE_URL=self.stack.pg.url(database=self.name))

    def drop(self):
        self.conn.close()
        self.stack.sql(f"DROP DATABASE {self.name}")
