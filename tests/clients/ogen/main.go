// A client made by ogen signs in, reads pages, creates, changes, fails, asks for some fields, and imports.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	ht "github.com/ogen-go/ogen/http"

	"sfms-client/client"
)

type bearer struct{ token string }

func (b bearer) Bearer(context.Context, client.OperationName) (client.Bearer, error) {
	return client.Bearer{Token: b.token}, nil
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func want(ok bool, what string, got any) {
	if !ok {
		panic(fmt.Sprintf("%s: %#v", what, got))
	}
	fmt.Println("  ", what)
}

func main() {
	ctx, base := context.Background(), os.Getenv("SFMS_BASE")
	guest, err := client.NewClient(base, bearer{})
	check(err)
	signedIn, err := guest.CreateSession(ctx, &client.CreateSessionRequest{
		Email: os.Getenv("SFMS_EMAIL"), Password: os.Getenv("SFMS_PASSWORD")})
	check(err)
	tokens, ok := signedIn.(*client.SessionTokens)
	want(ok && tokens.AccessToken != "", "log-in", signedIn)
	api, err := client.NewClient(base, bearer{tokens.AccessToken})
	check(err)

	me, err := api.GetMe(ctx)
	check(err)
	who, ok := me.(*client.Me)
	want(ok && string(who.User.Email.Value) == os.Getenv("SFMS_EMAIL"), "me", me)

	seen, token := 0, ""
	for {
		page, err := api.ListAccounts(ctx, client.ListAccountsParams{
			PageSize: client.NewOptInt32(3), PageToken: client.NewOptString(token), Filter: client.NewOptString(`customFields.tier = "gold"`)})
		check(err)
		list, ok := page.(*client.ListAccountsResponse)
		want(ok, "a page", page)
		seen += len(list.Accounts)
		token = list.NextPageToken
		if token == "" {
			break
		}
	}
	want(seen == 7, "pages", seen)

	made, err := api.CreateAccount(ctx, &client.AccountInput{Name: "By ogen", AnnualRevenue: client.NewOptNilString("12.50")}, client.CreateAccountParams{})
	check(err)
	account, ok := made.(*client.CreateAccountCreatedHeaders)
	want(ok && account.Response.AnnualRevenue.Value == "12.5", "create", made)

	id := account.Response.ID.Value
	patched, err := api.UpdateAccount(ctx, &client.AccountPatch{City: client.NewOptNilString("Bonn")},
		client.UpdateAccountParams{ID: id, IfMatch: client.NewOptString(account.ETag.Value)})
	check(err)
	changed, ok := patched.(*client.AccountHeaders)
	want(ok && changed.Response.City.Value == "Bonn", "patch with If-Match", patched)
	patched, err = api.UpdateAccount(ctx, &client.AccountPatch{City: client.NewOptNilString("Köln")},
		client.UpdateAccountParams{ID: id, IfMatch: client.NewOptString(account.ETag.Value)})
	check(err)
	_, ok = patched.(*client.UpdateAccountPreconditionFailed)
	want(ok, "patch with an old If-Match", patched)

	failed, err := api.CreateAccount(ctx, &client.AccountInput{Name: "x", Phone: client.NewOptNilString("call me")}, client.CreateAccountParams{})
	check(err)
	problem, ok := failed.(*client.CreateAccountBadRequest)
	want(ok && problem.Code == "INVALID_FIELDS" && problem.Errors[0].Pointer.Value == "/phone", "a problem", failed)

	got, err := api.GetAccount(ctx, client.GetAccountParams{ID: id, ReadMask: client.NewOptString("name")})
	check(err)
	masked, ok := got.(*client.GetAccountOKHeaders)
	want(ok && masked.Response.Name.Value == "By ogen" && !masked.Response.ID.Set, "readMask", got)

	imported, err := api.CreateImport(ctx, &client.CreateImportReq{
		Resource: client.CreateImportReqResourceAccounts,
		Mapping:  client.NewOptString(`{"columns": {"Company": {"field": "name"}}}`),
		File:     ht.MultipartFile{Name: "a.csv", File: strings.NewReader("Company\nImported by ogen\n")}}, client.CreateImportParams{})
	check(err)
	job, ok := imported.(*client.ImportHeaders)
	want(ok && job.Response.TotalRows.Value == 1, "import", imported)
}
