// A client made by openapi-generator (go) signs in, reads pages, creates, changes, fails, asks for some fields, and imports.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"sfms-client/client"
)

func want(ok bool, what string, got ...any) {
	if !ok {
		panic(fmt.Sprintf("%s: %+v", what, got))
	}
	fmt.Println("  ", what)
}

// The problem document of an error.
func problem(err error) client.Problem {
	var failure *client.GenericOpenAPIError
	if errors.As(err, &failure) {
		if p, ok := failure.Model().(client.Problem); ok {
			return p
		}
	}
	return client.Problem{}
}

func main() {
	config := client.NewConfiguration()
	config.Servers = client.ServerConfigurations{{URL: os.Getenv("SFMS_BASE")}}
	api, guest := client.NewAPIClient(config), context.Background()

	session, _, err := api.SessionsAPI.CreateSession(guest).CreateSessionRequest(
		*client.NewCreateSessionRequest(os.Getenv("SFMS_EMAIL"), os.Getenv("SFMS_PASSWORD"))).Execute()
	want(err == nil, "log-in", err)
	ctx := context.WithValue(guest, client.ContextAccessToken, session.AccessToken)
	me, _, err := api.UsersAPI.GetMe(ctx).Execute()
	want(err == nil && me.User.GetEmail() == os.Getenv("SFMS_EMAIL"), "me", err)

	seen, token := 0, ""
	for {
		page, _, err := api.AccountsAPI.ListAccounts(ctx).PageSize(3).PageToken(token).Filter(`customFields.tier = "gold"`).Execute()
		want(err == nil, "a page", err)
		seen += len(page.Accounts)
		token = page.NextPageToken
		if token == "" {
			break
		}
	}
	want(seen == 7, "pages", seen)

	input := client.NewAccountInput("By Go")
	input.SetAnnualRevenue("12.50")
	made, response, err := api.AccountsAPI.CreateAccount(ctx).AccountInput(*input).Execute()
	want(err == nil && response.StatusCode == 201 && made.GetAnnualRevenue() == "12.5", "create", err)

	tag := response.Header.Get("ETag")
	patch := client.NewAccountPatch()
	patch.SetCity("Bonn")
	patched, _, err := api.AccountsAPI.UpdateAccount(ctx, made.GetId()).AccountPatch(*patch).IfMatch(tag).Execute()
	want(err == nil && patched.GetCity() == "Bonn" && patched.GetAnnualRevenue() == "12.5", "patch with If-Match", err)
	_, response, err = api.AccountsAPI.UpdateAccount(ctx, made.GetId()).AccountPatch(*patch).IfMatch(tag).Execute()
	want(err != nil && response.StatusCode == 412 && problem(err).Code == "VERSION_MISMATCH", "patch with an old If-Match", err)

	input = client.NewAccountInput("x")
	input.SetPhone("call me")
	_, _, err = api.AccountsAPI.CreateAccount(ctx).AccountInput(*input).Execute()
	p := problem(err)
	want(p.Code == "INVALID_FIELDS" && *p.Errors[0].Pointer == "/phone", "a problem", err)

	masked, _, err := api.AccountsAPI.GetAccount(ctx, made.GetId()).ReadMask("name").Execute()
	want(err == nil && masked.GetName() == "By Go" && !masked.HasId(), "readMask", err)

	path := os.TempDir() + "/sfms-client-go.csv"
	want(os.WriteFile(path, []byte("Company\nImported by Go\n"), 0o600) == nil, "a file")
	file, err := os.Open(path)
	want(err == nil, "a file", err)
	imported, _, err := api.ImportsAPI.CreateImport(ctx).Resource("accounts").Mapping(`{"columns": {"Company": {"field": "name"}}}`).File(file).Execute()
	want(err == nil && imported.GetTotalRows() == "1", "import", err)
	_ = os.Remove(path)
}
