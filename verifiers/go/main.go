// Reads a token a line, and answers each with a line: whose it is, or why not.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
)

func main() {
	issuer, audience, scope := os.Args[1], os.Args[2], os.Args[3]
	jwksURI := issuer + "/.well-known/jwks.json"
	if len(os.Args) > 4 {
		jwksURI = os.Args[4]
	}
	verifier, err := NewVerifier(context.Background(), issuer, audience, scope, jwksURI)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if claims, err := verifier.Verified(lines.Text()); err != nil {
			fmt.Println("refused", strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println("accepted", claims["sub"])
		}
	}
}
