// Reads statements as `python -m tests.dialects.statements` prints them, and says which of them CockroachDB's own
// parser does not take. Exits 1 when there is one.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/cockroachdb/cockroachdb-parser/pkg/sql/parser"
)

type written struct {
	Origin string `json:"origin"`
	SQL    string `json:"sql"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	read, refused := 0, 0
	for lines.Scan() {
		var one written
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			fmt.Fprintln(os.Stderr, "This is not a line of JSON:", lines.Text())
			os.Exit(2)
		}
		read++
		statements, err := parser.Parse(one.SQL)
		if err == nil && len(statements) != 1 {
			err = fmt.Errorf("%d statements instead of one", len(statements))
		}
		if err != nil {
			refused++
			fmt.Printf("%s: %v\n    %s\n", one.Origin, err, strings.Join(strings.Fields(one.SQL), " "))
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	fmt.Printf("CockroachDB's parser takes %d of %d statements.\n", read-refused, read)
	if read == 0 || refused > 0 {
		os.Exit(1)
	}
}
