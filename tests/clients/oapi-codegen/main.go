// A client made by oapi-codegen signs in, reads pages, creates, changes, fails, asks for some fields, and imports.
package main

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"os"

	"github.com/oapi-codegen/nullable"

	"sfms-client/client"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func want(ok bool, what string, got any) {
	if !ok {
		panic(fmt.Sprintf("%s: %+v", what, got))
	}
	fmt.Println("  ", what)
}

func text(n nullable.Nullable[string]) string {
	value, _ := n.Get()
	return value
}

func ptr[T any](v T) *T { return &v }

func main() {
	ctx, token := context.Background(), ""
	api, err := client.NewClientWithResponses(os.Getenv("SFMS_BASE"), client.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		return nil
	}))
	check(err)
	session, err := api.CreateSessionWithResponse(ctx, client.CreateSessionRequest{
		Email: os.Getenv("SFMS_EMAIL"), Password: ptr(os.Getenv("SFMS_PASSWORD"))})
	check(err)
	want(session.JSON200 != nil, "log-in", session)
	token = session.JSON200.AccessToken

	me, err := api.GetMeWithResponse(ctx)
	check(err)
	want(me.JSON200 != nil && text(me.JSON200.User.Email) == os.Getenv("SFMS_EMAIL"), "me", me)

	seen, next := 0, ""
	for {
		page, err := api.ListAccountsWithResponse(ctx, &client.ListAccountsParams{
			PageSize: ptr(int32(3)), PageToken: &next, Filter: ptr(`customFields.tier = "gold"`)})
		check(err)
		want(page.JSON200 != nil, "a page", page)
		seen += len(page.JSON200.Accounts)
		next = page.JSON200.NextPageToken
		if next == "" {
			break
		}
	}
	want(seen == 7, "pages", seen)

	made, err := api.CreateAccountWithResponse(ctx, &client.CreateAccountParams{}, client.AccountInput{Name: "By oapi-codegen", AnnualRevenue: nullable.NewNullableWithValue("12.50")})
	check(err)
	want(made.JSON201 != nil && text(made.JSON201.AnnualRevenue) == "12.5", "create", made)
	id, tag := *made.JSON201.Id, made.HTTPResponse.Header.Get("ETag")

	for _, c := range []struct {
		what string
		code int
	}{{"patch with If-Match", 200}, {"patch with an old If-Match", 412}} {
		patched, err := api.UpdateAccountWithResponse(ctx, id, &client.UpdateAccountParams{IfMatch: &tag}, client.AccountPatch{City: nullable.NewNullableWithValue("Bonn")})
		check(err)
		want(patched.StatusCode() == c.code && (c.code != 200 || *patched.JSON200.City == "Bonn"), c.what, patched)
	}

	failed, err := api.CreateAccountWithResponse(ctx, &client.CreateAccountParams{}, client.AccountInput{Name: "x", Phone: nullable.NewNullableWithValue("call me")})
	check(err)
	problem := failed.ApplicationproblemJSON400
	want(problem != nil && problem.Code == "INVALID_FIELDS" && *(*problem.Errors)[0].Pointer == "/phone", "a problem", failed)

	got, err := api.GetAccountWithResponse(ctx, id, &client.GetAccountParams{ReadMask: ptr("name")})
	check(err)
	want(got.JSON200 != nil && *got.JSON200.Name == "By oapi-codegen" && got.JSON200.Id == nil, "readMask", got)

	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	check(form.WriteField("resource", "accounts"))
	check(form.WriteField("mapping", `{"columns": {"Company": {"field": "name"}}}`))
	file, err := form.CreateFormFile("file", "a.csv")
	check(err)
	_, err = file.Write([]byte("Company\nImported by oapi-codegen\n"))
	check(err)
	check(form.Close())
	imported, err := api.CreateImportWithBodyWithResponse(ctx, &client.CreateImportParams{}, form.FormDataContentType(), &body)
	check(err)
	want(imported.JSON201 != nil && *imported.JSON201.TotalRows == "1", "import", imported)
}
