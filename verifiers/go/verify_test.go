package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
)

type vectors struct {
	Issuer, Audience, Scope string
	Jwks                    json.RawMessage
	Tokens                  []struct{ Token string }
}

func read(t *testing.T) (table vectors) {
	t.Helper()
	content, err := os.ReadFile("../vectors/access_tokens.json")
	if err == nil {
		err = json.Unmarshal(content, &table)
	}
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestTheLastKeysGoOnForADay(t *testing.T) {
	table := read(t)
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

func TestWhoStartsWithoutTheBrokerFindsItLater(t *testing.T) {
	table := read(t)
	var up atomic.Bool
	broker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Write(table.Jwks)
	}))
	defer broker.Close()
	verifier, err := NewVerifier(t.Context(), table.Issuer, table.Audience, table.Scope, broker.URL)
	if err != nil {
		t.Fatal(err)
	}
	up.Store(true)
	if _, err := verifier.Verified(table.Tokens[0].Token); err != nil {
		t.Error("the first token does not make it ask again:", err)
	}
}
