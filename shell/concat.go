package shell

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// The operator ".." is one instruction of the virtual machine, which makes a
// string of any length and cannot be watched. So it is compiled into a call of a
// function of ours, which is found where every string looks for its methods, be
// the environment what it may.
const concatenation = ".."

// maxOperands is how many are handed over in one call: an operand takes a
// register, of which a function has 200.
const maxOperands = 50

// watchStatements has every ".." in them become that call.
func watchStatements(statements []ast.Stmt) {
	for _, each := range statements {
		switch s := each.(type) {
		case *ast.AssignStmt:
			watchAll(s.Lhs)
			watchAll(s.Rhs)
		case *ast.LocalAssignStmt:
			watchAll(s.Exprs)
		case *ast.FuncCallStmt:
			s.Expr = watch(s.Expr)
		case *ast.DoBlockStmt:
			watchStatements(s.Stmts)
		case *ast.WhileStmt:
			s.Condition = watch(s.Condition)
			watchStatements(s.Stmts)
		case *ast.RepeatStmt:
			s.Condition = watch(s.Condition)
			watchStatements(s.Stmts)
		case *ast.IfStmt:
			s.Condition = watch(s.Condition)
			watchStatements(s.Then)
			watchStatements(s.Else)
		case *ast.NumberForStmt:
			s.Init, s.Limit, s.Step = watch(s.Init), watch(s.Limit), watch(s.Step)
			watchStatements(s.Stmts)
		case *ast.GenericForStmt:
			watchAll(s.Exprs)
			watchStatements(s.Stmts)
		case *ast.FuncDefStmt:
			watchStatements(s.Func.Stmts)
		case *ast.ReturnStmt:
			watchAll(s.Exprs)
		}
	}
}

func watchAll(expressions []ast.Expr) {
	for i, each := range expressions {
		expressions[i] = watch(each)
	}
}

// watch is an expression with every ".." in it watched.
func watch(expression ast.Expr) ast.Expr {
	switch e := expression.(type) {
	case *ast.StringConcatOpExpr:
		return watched(e)
	case *ast.AttrGetExpr:
		e.Object, e.Key = watch(e.Object), watch(e.Key)
	case *ast.TableExpr:
		for _, field := range e.Fields {
			field.Key, field.Value = watch(field.Key), watch(field.Value)
		}
	case *ast.FuncCallExpr:
		e.Func, e.Receiver = watch(e.Func), watch(e.Receiver)
		watchAll(e.Args)
	case *ast.LogicalOpExpr:
		e.Lhs, e.Rhs = watch(e.Lhs), watch(e.Rhs)
	case *ast.RelationalOpExpr:
		e.Lhs, e.Rhs = watch(e.Lhs), watch(e.Rhs)
	case *ast.ArithmeticOpExpr:
		e.Lhs, e.Rhs = watch(e.Lhs), watch(e.Rhs)
	case *ast.UnaryMinusOpExpr:
		e.Expr = watch(e.Expr)
	case *ast.UnaryNotOpExpr:
		e.Expr = watch(e.Expr)
	case *ast.UnaryLenOpExpr:
		e.Expr = watch(e.Expr)
	case *ast.FunctionExpr:
		watchStatements(e.Stmts)
	}
	return expression
}

// watched is the call that a chain of ".." becomes.
func watched(e *ast.StringConcatOpExpr) ast.Expr {
	name, method := &ast.StringExpr{}, &ast.StringExpr{Value: concatenation}
	of := &ast.AttrGetExpr{Object: name, Key: method}
	call := &ast.FuncCallExpr{Func: of, AdjustRet: true}
	for _, node := range []ast.PositionHolder{name, method, of, call} {
		node.SetLine(e.Line())
		node.SetLastLine(e.LastLine())
	}
	var rest ast.Expr = e
	for len(call.Args) < maxOperands {
		chain, ok := rest.(*ast.StringConcatOpExpr)
		if !ok {
			break
		}
		call.Args = append(call.Args, single(watch(chain.Lhs)))
		rest = chain.Rhs
	}
	call.Args = append(call.Args, single(watch(rest)))
	return call
}

// single is an operand, which is one value; a call that is the last argument
// would be many.
func single(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		e.AdjustRet = true
	case *ast.Comma3Expr:
		e.AdjustRet = true
	}
	return e
}

// join is "..": of strings and numbers at once, else from the right, two by two.
func join(l *lua.LState) int {
	count, length := l.GetTop(), 0
	for i := 1; i <= count; i++ {
		text, ok := l.Get(i).(lua.LString)
		if !ok {
			return joinAny(l)
		}
		length += len(text)
	}
	checkLength(l, length, 1)
	var b strings.Builder
	b.Grow(length)
	for i := 1; i <= count; i++ {
		b.WriteString(string(l.Get(i).(lua.LString)))
	}
	l.Push(lua.LString(b.String()))
	return 1
}

func joinAny(l *lua.LState) int {
	right := l.Get(l.GetTop())
	for i := l.GetTop() - 1; i > 0; i-- {
		left := l.Get(i)
		if lua.LVCanConvToString(left) && lua.LVCanConvToString(right) {
			a, b := left.String(), right.String()
			checkLength(l, len(a)+len(b), 1)
			right = lua.LString(a + b)
			continue
		}
		by := l.GetMetaField(left, "__concat")
		if by == lua.LNil {
			by = l.GetMetaField(right, "__concat")
		}
		if by == lua.LNil {
			culprit := left
			if lua.LVCanConvToString(left) {
				culprit = right
			}
			l.RaiseError("attempt to concatenate a %s value", culprit.Type())
		}
		l.Push(by)
		l.Push(left)
		l.Push(right)
		l.Call(2, 1)
		right = l.Get(-1)
		l.Pop(1)
	}
	l.Push(right)
	return 1
}
