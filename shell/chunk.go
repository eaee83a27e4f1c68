package shell

import (
	"errors"
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"
)

// compile makes a function of source; name is where errors say that they are.
func (s *Shell) compile(name, source string) (*lua.LFunction, error) {
	if len(source) > MaxSource {
		return nil, fmt.Errorf("%s: more than %d KiB of source", name, MaxSource>>10)
	}
	return s.lua.Load(strings.NewReader(source), name)
}

// compileLine is compile for what was typed: an expression alone is returned.
func (s *Shell) compileLine(name, source string) (chunk *lua.LFunction, isExpression bool, err error) {
	expression := strings.TrimPrefix(strings.TrimSpace(source), "=")
	if chunk, err := s.compile(name, "return "+expression); err == nil {
		return chunk, strings.TrimSpace(expression) != "", nil
	}
	chunk, err = s.compile(name, source)
	return chunk, false, err
}

// incomplete tells whether err is that the source ended too soon.
func incomplete(err error) bool {
	var at *parse.Error
	return errors.As(cause(err), &at) && at.Pos.Line == parse.EOF && at.Message != "unterminated string"
}

// cause is what a compiler's error is about.
func cause(err error) error {
	var api *lua.ApiError
	if errors.As(err, &api) && api.Cause != nil {
		return api.Cause
	}
	return err
}

// oneLine is err for a reader: what, and where, without how we got there.
func oneLine(name string, err error) string {
	var api *lua.ApiError
	if !errors.As(err, &api) {
		return escaped(err.Error())
	}
	var syntax *parse.Error
	var compiler *lua.CompileError
	switch {
	case errors.As(api.Cause, &syntax) && syntax.Pos.Line == parse.EOF:
		return escaped(fmt.Sprintf("%s: %s at the end", name, syntax.Message))
	case errors.As(api.Cause, &syntax):
		return escaped(fmt.Sprintf("%s:%d: %s near '%s'", name, syntax.Pos.Line, syntax.Message, syntax.Token))
	case errors.As(api.Cause, &compiler):
		return escaped(fmt.Sprintf("%s:%d: %s", name, compiler.Line, compiler.Message))
	}
	if table, ok := api.Object.(*lua.LTable); ok {
		if message, ok := table.RawGetString("message").(lua.LString); ok {
			return escaped(string(message))
		}
		return "error is a table value"
	}
	return escaped(api.Object.String())
}

// withoutShebang leaves a script's lines where they are.
func withoutShebang(source string) string {
	if strings.HasPrefix(source, "#") {
		return "--" + source
	}
	return source
}
