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
	statements, err := parse.Parse(strings.NewReader(source), name)
	if err != nil {
		return nil, err
	}
	watchStatements(statements)
	code, err := lua.Compile(statements, name)
	if err != nil {
		return nil, err
	}
	return s.lua.NewFunctionFromProto(code), nil
}

// compileLine is compile for what was typed: an expression alone is returned.
func (s *Shell) compileLine(name, source string) (*lua.LFunction, error) {
	expression := strings.TrimPrefix(strings.TrimSpace(source), "=")
	if chunk, err := s.compile(name, "return "+expression); err == nil {
		return chunk, nil
	}
	return s.compile(name, source)
}

// incomplete tells whether err is that the source ended too soon.
func incomplete(err error) bool {
	var at *parse.Error
	return errors.As(err, &at) && at.Pos.Line == parse.EOF && at.Message != "unterminated string"
}

// oneLine is err for a reader: what, and where, without how we got there.
func oneLine(name string, err error) string {
	var syntax *parse.Error
	var compiler *lua.CompileError
	var api *lua.ApiError
	switch {
	case errors.As(err, &syntax) && syntax.Pos.Line == parse.EOF:
		return shown(fmt.Sprintf("%s: %s at the end", name, syntax.Message))
	case errors.As(err, &syntax):
		return shown(fmt.Sprintf("%s:%d: %s near '%s'", name, syntax.Pos.Line, syntax.Message, syntax.Token))
	case errors.As(err, &compiler):
		return shown(fmt.Sprintf("%s:%d: %s", name, compiler.Line, compiler.Message))
	case !errors.As(err, &api):
		return shown(err.Error())
	}
	if table, ok := api.Object.(*lua.LTable); ok {
		if message, ok := table.RawGetString("message").(lua.LString); ok {
			return shown(string(message))
		}
		return "error is a table value"
	}
	return shown(api.Object.String())
}

// shown is an error's text as far as it is shown.
func shown(text string) string {
	if len(text) > ShownBytes {
		text = text[:ShownBytes] + "..."
	}
	return escaped(text)
}

// withoutShebang leaves a script's lines where they are.
func withoutShebang(source string) string {
	if strings.HasPrefix(source, "#") {
		return "--" + source
	}
	return source
}
