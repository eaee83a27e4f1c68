package kad_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// impurities lists what makes a file depend on more than its arguments: the
// wall clock, the global source of chance, goroutines.
func impurities(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	ast.Inspect(parsed, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.GoStmt:
			found = append(found, "a go statement")
		case *ast.CallExpr:
			if call := name(node.Fun); clockOrChance(call) {
				found = append(found, "a call of "+call)
			}
		}
		return true
	})
	return found
}

func name(expr ast.Expr) string {
	if selector, ok := expr.(*ast.SelectorExpr); ok {
		if pkg, ok := selector.X.(*ast.Ident); ok {
			return pkg.Name + "." + selector.Sel.Name
		}
	}
	return ""
}

func clockOrChance(call string) bool {
	switch call {
	case "time.Now", "time.Since", "time.Until", "time.Sleep", "time.After", "time.AfterFunc", "time.NewTimer", "time.NewTicker":
		return true
	}
	return strings.HasPrefix(call, "rand.") && !strings.HasPrefix(call, "rand.New")
}
