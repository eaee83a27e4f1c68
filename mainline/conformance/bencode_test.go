package conformance

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// raw is bencode as it stands, right or wrong.
type raw string

// d writes a dictionary of pairs exactly in the order given: what is unsorted
// or twice in the call is so on the wire.
func d(pairs ...any) raw { return "d" + items(pairs) + "e" }

// l writes a list.
func l(values ...any) raw { return "l" + items(values) + "e" }

func items(values []any) raw {
	var b strings.Builder
	for _, value := range values {
		b.WriteString(string(encode(value)))
	}
	return raw(b.String())
}

// encode writes a value as parse gives it, or raw as it stands.
func encode(value any) raw {
	switch value := value.(type) {
	case raw:
		return value
	case string:
		return raw(fmt.Sprintf("%d:%s", len(value), value))
	case int:
		return raw(fmt.Sprintf("i%de", value))
	case *big.Int:
		return raw("i" + value.String() + "e")
	case []any:
		return l(value...)
	case map[string]any:
		var pairs []any
		for _, key := range sorted(value) {
			pairs = append(pairs, key, value[key])
		}
		return d(pairs...)
	}
	panic(fmt.Sprintf("cannot bencode a %T", value))
}

func sorted(dict map[string]any) []string {
	keys := make([]string, 0, len(dict))
	for key := range dict {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// parse reads one value and takes nothing but canonical bencode (BEP 3):
// string, int (or *big.Int), []any, map[string]any.
func parse(b string) (any, error) {
	value, rest, err := parseOne(b)
	if err == nil && rest != "" {
		err = fmt.Errorf("%d bytes after the end", len(rest))
	}
	return value, err
}

var errCut = errors.New("cut short")

func parseOne(b string) (value any, rest string, err error) {
	if b == "" {
		return nil, "", errCut
	}
	switch {
	case b[0] == 'i':
		return parseInt(b)
	case b[0] == 'l':
		return parseList(b[1:])
	case b[0] == 'd':
		return parseDict(b[1:])
	case b[0] >= '0' && b[0] <= '9':
		return parseString(b)
	}
	return nil, "", fmt.Errorf("%q begins nothing", b[0])
}

func parseInt(b string) (any, string, error) {
	digits, rest, whole := strings.Cut(b[1:], "e")
	number, ok := new(big.Int).SetString(digits, 10)
	if !whole || !ok || number.String() != digits {
		return nil, "", fmt.Errorf("%.20q is no integer in its one form", b)
	}
	if number.IsInt64() {
		return int(number.Int64()), rest, nil
	}
	return number, rest, nil
}

func parseString(b string) (any, string, error) {
	digits, rest, whole := strings.Cut(b, ":")
	size, err := strconv.Atoi(digits)
	if !whole || err != nil || strconv.Itoa(size) != digits {
		return nil, "", fmt.Errorf("%.20q is no string in its one form", b)
	}
	if size > len(rest) {
		return nil, "", errCut
	}
	return rest[:size], rest[size:], nil
}

func parseList(b string) (any, string, error) {
	list := []any{}
	for !strings.HasPrefix(b, "e") {
		value, rest, err := parseOne(b)
		if err != nil {
			return nil, "", err
		}
		list, b = append(list, value), rest
	}
	return list, b[1:], nil
}

func parseDict(b string) (any, string, error) {
	dict, last := map[string]any{}, ""
	for !strings.HasPrefix(b, "e") {
		key, rest, err := parseString(b)
		if err != nil {
			return nil, "", fmt.Errorf("a key: %w", err)
		}
		if len(dict) > 0 && key.(string) <= last {
			return nil, "", fmt.Errorf("the key %q comes after %q", key, last)
		}
		last = key.(string)
		if dict[last], b, err = parseOne(rest); err != nil {
			return nil, "", fmt.Errorf("%s: %w", last, err)
		}
	}
	return dict, b[1:], nil
}
