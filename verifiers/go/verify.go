package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

type Verifier struct {
	keys    keyfunc.Keyfunc
	parser  *jwt.Parser
	scope   string
	fetched *noted
}

// noted remembers when the keys were fetched last, in epoch seconds.
type noted struct{ at atomic.Int64 }

func (n *noted) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err == nil && answer.StatusCode == http.StatusOK {
		n.at.Store(time.Now().Unix())
	}
	return answer, err
}

// NewVerifier fetches the keys now and every five minutes. While the broker is away its last keys go on, for a day.
func NewVerifier(ctx context.Context, issuer, audience, scope, jwksURI string) (*Verifier, error) {
	fetched := &noted{}
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{jwksURI}, keyfunc.Override{
		Client:            &http.Client{Transport: fetched},
		HTTPTimeout:       3 * time.Second,
		RefreshInterval:   5 * time.Minute,
		RefreshUnknownKID: rate.NewLimiter(rate.Every(30*time.Second), 1), // Anybody can name an unknown key,
		RateLimitWaitMax:  3 * time.Second,                                // and hardly anybody waits for it.
	})
	if err != nil {
		return nil, err
	}
	return &Verifier{keys, jwt.NewParser(
		jwt.WithValidMethods([]string{"ES256", "RS256", "PS256", "EdDSA"}), // Never taken from the token.
		jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired(), jwt.WithStrictDecoding(),
	), scope, fetched}, nil
}

// Verified returns the claims of a good access token, and an error for any other.
func (v *Verifier) Verified(token string) (jwt.MapClaims, error) {
	claims := jwt.MapClaims{}
	parsed, err := v.parser.ParseWithClaims(token, claims, v.keys.Keyfunc)
	if err != nil {
		return nil, err
	}
	if time.Now().Unix() >= v.fetched.at.Load()+86_400 {
		return nil, errors.New("the broker's keys cannot be fetched")
	}
	typ, _ := parsed.Header["typ"].(string)
	if strings.TrimPrefix(strings.ToLower(typ), "application/") != "at+jwt" { // Not an ID token.
		return nil, errors.New("not an access token")
	}
	if kid, _ := parsed.Header["kid"].(string); kid == "" {
		return nil, errors.New("the key has no name")
	}
	for _, name := range []string{"crit", "b64"} { // The library passes over them.
		if _, found := parsed.Header[name]; found {
			return nil, errors.New("an extension that is not understood")
		}
	}
	for _, name := range []string{"sub", "client_id", "jti"} {
		if text, _ := claims[name].(string); text == "" {
			return nil, fmt.Errorf("%s is missing", name)
		}
	}
	if _, found := claims["iat"].(float64); !found {
		return nil, errors.New("iat is missing")
	}
	if _, found := claims["cnf"]; found {
		return nil, errors.New("bound to a key, and no proof of it is checked here")
	}
	if scope, _ := claims["scope"].(string); !slices.Contains(strings.Split(scope, " "), v.scope) {
		return nil, errors.New("the scope is missing")
	}
	return claims, nil
}
