package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
)

func TestTheLastKeysGoOnForADay(t *testing.T) {
	var table struct {
		Issuer, Audience, Scope string
		Jwks                    json.RawMessage
		Tokens                  []struct{ Token string }
	}
	content, err := os.ReadFile("../vectors/access_tokens.json")
	if err == nil {
		err = json.Unmarshal(content, &table)
	}
	if err != nil {
		t.Fatal(err)
	}
	broker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(table.Jwks) }))
	verifier, err := NewVerifier(t.Context(), table.Issuer, table.Audience, table.Scope, broker.URL)
	if err != nil {
		t.Fatal(err)
	}
	broker.Close()
	good := table.Tokens[0].Token
	if _, err := verifier.Verified(good); err != nil {
		t.Error("the keys of a moment ago are not used:", err)
	}
	verifier.fetched.at.Add(-86_400)
	if _, err := verifier.Verified(good); err == nil {
		t.Error("keys that nobody confirmed for a day are still used")
	}
}
