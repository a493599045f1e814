package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

type Verifier struct {
	keys   keyfunc.Keyfunc
	parser *jwt.Parser
	scope  string
}

// NewVerifier fetches the keys now and every five minutes. While the broker is away its last keys go on.
func NewVerifier(ctx context.Context, issuer, audience, scope, jwksURI string) (*Verifier, error) {
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{jwksURI}, keyfunc.Override{
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
		jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired(),
	), scope}, nil
}

// Verified returns the claims of a good access token, and an error for any other.
func (v *Verifier) Verified(token string) (jwt.MapClaims, error) {
	claims := jwt.MapClaims{}
	parsed, err := v.parser.ParseWithClaims(token, claims, v.keys.Keyfunc)
	if err != nil {
		return nil, err
	}
	if typ, _ := parsed.Header["typ"].(string); !strings.EqualFold(typ, "at+jwt") { // Not an ID token.
		return nil, errors.New("not an access token")
	}
	if _, found := parsed.Header["crit"]; found { // The library passes over it.
		return nil, errors.New("an extension that is not understood")
	}
	for _, name := range []string{"sub", "client_id", "jti", "iat"} {
		if claims[name] == nil {
			return nil, fmt.Errorf("%s is missing", name)
		}
	}
	if claims["cnf"] != nil {
		return nil, errors.New("bound to a key, and no proof of it is checked here")
	}
	if scope, _ := claims["scope"].(string); !slices.Contains(strings.Fields(scope), v.scope) {
		return nil, errors.New("the scope is missing")
	}
	return claims, nil
}
