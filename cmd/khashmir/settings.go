package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/pflag"
)

// A setting is a flag. What the command line does not say the environment may
// (KHASHMIR_LISTEN for --listen), and what that does not, the configuration file
// (listen = "..."), under the same name. So there is one list of settings, in
// the flags, and one place where a value is read and refused.

// envPrefix begins the name of each setting in the environment.
const envPrefix = "KHASHMIR_"

// fill sets the flags that were not given. known are all that the file may name:
// it is one file for all commands.
func fill(flags, known *pflag.FlagSet) error {
	if err := fromEnvironment(flags); err != nil {
		return err
	}
	path, named := configFile(flags)
	if path == "" {
		return nil
	}
	var file map[string]any
	if _, err := toml.DecodeFile(path, &file); err != nil {
		if errors.Is(err, fs.ErrNotExist) && !named {
			return nil
		}
		return usage("the configuration file %s: %w", path, err)
	}
	if err := fromFile(flags, known, file); err != nil {
		return usage("the configuration file %s: %w", path, err)
	}
	return nil
}

func fromEnvironment(flags *pflag.FlagSet) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		name := envPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := os.LookupEnv(name)
		if !ok || value == "" || f.Changed || err != nil || f.Name == "help" {
			return
		}
		if set := flags.Set(f.Name, value); set != nil {
			err = usage("%s in the environment: %w", name, set)
		}
	})
	return err
}

// configFile is the one to read; named: it must be there.
func configFile(flags *pflag.FlagSet) (path string, named bool) {
	if f := flags.Lookup("config"); f != nil && f.Value.String() != "" {
		return f.Value.String(), true
	}
	dir, err := os.UserConfigDir()
	if err == nil {
		path = filepath.Join(dir, "khashmir", "khashmir.toml")
		if _, err := os.Stat(path); err == nil {
			return path, false
		}
	}
	return "/etc/khashmir/khashmir.toml", false
}

func fromFile(flags, known *pflag.FlagSet, file map[string]any) error {
	names := make([]string, 0, len(file))
	for name := range file {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if known.Lookup(name) == nil || name == "config" || name == "help" {
			return fmt.Errorf("there is no setting %q; khashmir run --help lists them", name)
		}
		f := flags.Lookup(name)
		if f == nil || f.Changed {
			continue
		}
		value, err := word(file[name])
		if err == nil {
			err = flags.Set(name, value)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// word is a value of the file as it would be typed.
func word(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool, int64, float64:
		return fmt.Sprint(v), nil
	case []any:
		words := make([]string, len(v))
		for i := range v {
			w, ok := v[i].(string)
			if !ok {
				return "", errors.New("it takes a list of strings")
			}
			words[i] = w
		}
		return strings.Join(words, ","), nil
	}
	return "", errors.New("it takes a string, a number, true or false, or a list of strings")
}
