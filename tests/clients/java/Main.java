// A client made by openapi-generator (java) signs in, reads pages, creates, changes, fails, asks for some fields, and imports.
package sfms;

import java.io.File;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import sfms.client.ApiClient;
import sfms.client.ApiException;
import sfms.client.ApiResponse;
import sfms.client.JSON;
import sfms.client.api.AccountsApi;
import sfms.client.api.ImportsApi;
import sfms.client.api.SessionsApi;
import sfms.client.api.UsersApi;
import sfms.client.model.Account;
import sfms.client.model.AccountInput;
import sfms.client.model.AccountPatch;
import sfms.client.model.CreateSessionRequest;
import sfms.client.model.ListAccountsResponse;
import sfms.client.model.Problem;

public final class Main {
  private interface Call {
    void run() throws ApiException;
  }

  private static void want(boolean good, String what, Object got) {
    if (!good) {
      throw new IllegalStateException(what + ": " + got);
    }
    System.out.println("   " + what);
  }

  private static Problem problem(Call call) {
    try {
      call.run();
    } catch (ApiException e) {
      return JSON.getGson().fromJson(e.getResponseBody(), Problem.class);
    }
    throw new IllegalStateException("it ought to have failed");
  }

  public static void main(String[] args) throws Exception {
    String email = System.getenv("SFMS_EMAIL");
    ApiClient client = new ApiClient();
    client.setBasePath(System.getenv("SFMS_BASE"));
    String token =
        new SessionsApi(client)
            .createSession(new CreateSessionRequest().email(email).password(System.getenv("SFMS_PASSWORD")))
            .getAccessToken();
    want(!token.isEmpty(), "log-in", token);
    client.setBearerToken(token);
    want(email.equals(new UsersApi(client).getMe().getUser().getEmail()), "me", null);

    AccountsApi accounts = new AccountsApi(client);
    int seen = 0;
    String next = "";
    do {
      ListAccountsResponse page =
          accounts.listAccounts(3, next, "customFields.tier = \"gold\"", null, null, null, null, null);
      seen += page.getAccounts().size();
      next = page.getNextPageToken();
    } while (!next.isEmpty());
    want(seen == 7, "pages", seen);

    ApiResponse<Account> made =
        accounts.createAccountWithHttpInfo(
            new AccountInput().name("By Java").annualRevenue("12.50").customFields(Map.of("a", List.of("x"))), null, null);
    Account account = made.getData();
    want(made.getStatusCode() == 201 && "12.5".equals(account.getAnnualRevenue()), "create", account);

    String tag = made.getHeaders().get("ETag").get(0);
    Account patched = accounts.updateAccount(account.getId(), new AccountPatch().city("Bonn"), null, tag, null);
    want("Bonn".equals(patched.getCity()) && "12.5".equals(patched.getAnnualRevenue()), "patch with If-Match", patched);
    Problem late = problem(() -> accounts.updateAccount(account.getId(), new AccountPatch().city("Bonn"), null, tag, null));
    want(late.getStatus() == 412 && "VERSION_MISMATCH".equals(late.getCode()), "patch with an old If-Match", late);

    Problem failed = problem(() -> accounts.createAccount(new AccountInput().name("x").phone("call me"), null, null));
    want(
        "INVALID_FIELDS".equals(failed.getCode()) && "/phone".equals(failed.getErrors().get(0).getPointer()),
        "a problem",
        failed);

    Account masked = accounts.getAccount(account.getId(), "name", null);
    want("By Java".equals(masked.getName()) && masked.getId() == null, "readMask", masked);

    File file = File.createTempFile("sfms", ".csv");
    file.deleteOnExit();
    Files.writeString(file.toPath(), "Company\nImported by Java\n");
    String rows =
        new ImportsApi(client)
            .createImport("accounts", file, null, "{\"columns\": {\"Company\": {\"field\": \"name\"}}}", null)
            .getTotalRows();
    want("1".equals(rows), "import", rows);
  }
}
