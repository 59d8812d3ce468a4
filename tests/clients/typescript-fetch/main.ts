// A client made by openapi-generator (typescript-fetch) signs in, reads pages, creates, changes, fails, asks for some fields, and imports.
import { AccountsApi, Configuration, ImportsApi, ProblemFromJSON, ResponseError, SessionsApi, UsersApi } from "./client/index.js";
import type { Problem } from "./client/index.js";

const { SFMS_BASE = "", SFMS_EMAIL = "", SFMS_PASSWORD = "" } = process.env;

function want(ok: boolean, what: string, got?: unknown): asserts ok {
  if (!ok) throw new Error(`${what}: ${JSON.stringify(got)}`);
  console.log("  ", what);
}

async function problemOf(call: Promise<unknown>): Promise<Problem> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ResponseError) return ProblemFromJSON(await error.response.json());
    throw error;
  }
  throw new Error("it ought to have failed");
}

const session = await new SessionsApi(new Configuration({ basePath: SFMS_BASE })).createSession({
  createSessionRequest: { email: SFMS_EMAIL, password: SFMS_PASSWORD },
});
want(session.accessToken !== "", "log-in");
const config = new Configuration({ basePath: SFMS_BASE, accessToken: session.accessToken });
const accounts = new AccountsApi(config);

const me = await new UsersApi(config).getMe();
want(me.user.email === SFMS_EMAIL, "me", me);

let seen = 0;
let pageToken = "";
do {
  const page = await accounts.listAccounts({ pageSize: 3, pageToken, filter: 'customFields.tier = "gold"' });
  seen += page.accounts.length;
  pageToken = page.nextPageToken;
} while (pageToken !== "");
want(seen === 7, "pages", seen);

const made = await accounts.createAccountRaw({ accountInput: { name: "By fetch", annualRevenue: "12.50", customFields: { a: [1, "x"] } } });
const account = await made.value();
want(made.raw.status === 201 && account.annualRevenue === "12.5", "create", account);
const id = account.id ?? "";
const ifMatch = made.raw.headers.get("ETag") ?? "";
const patched = await accounts.updateAccount({ id, ifMatch, accountPatch: { city: "Bonn" } });
want(patched.city === "Bonn" && patched.annualRevenue === "12.5", "patch with If-Match", patched);
const late = await problemOf(accounts.updateAccount({ id, ifMatch, accountPatch: { city: "Bonn" } }));
want(late.status === 412 && late.code === "VERSION_MISMATCH", "patch with an old If-Match", late);

const failed = await problemOf(accounts.createAccount({ accountInput: { name: "x", phone: "call me" } }));
want(failed.code === "INVALID_FIELDS" && failed.errors?.[0]?.pointer === "/phone", "a problem", failed);

const masked = await accounts.getAccount({ id, readMask: "name" });
want(masked.name === "By fetch" && masked.id === undefined, "readMask", masked);

const imported = await new ImportsApi(config).createImport({
  resource: "accounts",
  mapping: '{"columns": {"Company": {"field": "name"}}}',
  file: new Blob(["Company\nImported by fetch\n"], { type: "text/csv" }),
});
want(imported.totalRows === "1", "import", imported);
