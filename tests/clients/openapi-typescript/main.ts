// A client typed by openapi-typescript signs in, reads pages, creates, changes, fails, asks for some fields, and imports.
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

const { SFMS_BASE = "", SFMS_EMAIL = "", SFMS_PASSWORD = "" } = process.env;

function want(ok: boolean, what: string, got: unknown): asserts ok {
  if (!ok) throw new Error(`${what}: ${JSON.stringify(got)}`);
  console.log("  ", what);
}

const guest = createClient<paths>({ baseUrl: SFMS_BASE });
const session = await guest.POST("/v1/sessions", { body: { email: SFMS_EMAIL, password: SFMS_PASSWORD } });
want(session.data !== undefined, "log-in", session.error);
const api = createClient<paths>({ baseUrl: SFMS_BASE, headers: { Authorization: `Bearer ${session.data.accessToken}` } });

const me = await api.GET("/v1/me");
want(me.data?.user.email === SFMS_EMAIL, "me", me.error);

let seen = 0;
let pageToken = "";
do {
  const page = await api.GET("/v1/accounts", { params: { query: { pageSize: 3, pageToken, filter: 'customFields.tier = "gold"' } } });
  want(page.data !== undefined, "a page", page.error);
  seen += page.data.accounts.length;
  pageToken = page.data.nextPageToken;
} while (pageToken !== "");
want(seen === 7, "pages", seen);
const found = await api.POST("/v1/accounts:search", { body: { filter: 'customFields.tier = "gold"' } });
want(found.data?.accounts.length === 7, "search", found.error);

const made = await api.POST("/v1/accounts", { body: { name: "By TypeScript", annualRevenue: "12.50", customFields: { a: [1, "x"] } } });
want(made.data?.annualRevenue === "12.5" && made.response.status === 201, "create", made.error);
const id = made.data.id ?? "";
const tag = made.response.headers.get("ETag") ?? "";
const patch = { params: { path: { id }, header: { "If-Match": tag } }, body: { city: "Bonn" } };
const patched = await api.PATCH("/v1/accounts/{id}", patch);
want(patched.data?.city === "Bonn", "patch with If-Match", patched.error);
const late = await api.PATCH("/v1/accounts/{id}", patch);
want(late.response.status === 412 && late.error?.code === "VERSION_MISMATCH", "patch with an old If-Match", late);

const failed = await api.POST("/v1/accounts", { body: { name: "x", phone: "call me" } });
want(failed.error?.code === "INVALID_FIELDS" && failed.error.errors?.[0]?.pointer === "/phone", "a problem", failed);

const masked = await api.GET("/v1/accounts/{id}", { params: { path: { id }, query: { readMask: "name" } } });
want(masked.data?.name === "By TypeScript" && masked.data.id === undefined, "readMask", masked);

const imported = await api.POST("/v1/imports", {
  body: { resource: "accounts", mapping: '{"columns": {"Company": {"field": "name"}}}', file: "Company\nImported by TypeScript\n" },
  bodySerializer(body) {
    const form = new FormData();
    for (const [name, value] of Object.entries(body)) form.append(name, name === "file" ? new Blob([String(value)], { type: "text/csv" }) : String(value));
    return form;
  },
});
want(imported.data?.totalRows === "1", "import", imported.error);
