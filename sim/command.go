package sim

import (
	"fmt"
	"strings"
)

// Command is the arguments of khashmir-testnet that run c, as far as it was made
// with Set, as a shell takes them.
func (c Config) Command() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sim %s", c.Scenario)
	for _, s := range c.settings {
		b.WriteString(option(s.name, s.value))
	}
	return b.String()
}

// Command is that of its Config.
func (b *Broken) Command() string { return b.Config.Command() }

// Command is the arguments that run all of points again, which are of a sweep of
// parameter; it is empty if there was none.
func Command(parameter string, points []Point) string {
	command := points[0].Results[0].Command
	if command == "" {
		return ""
	}
	seeds := 0
	var values []string
	for _, p := range points {
		seeds, values = max(seeds, len(p.Results)), append(values, p.Value)
	}
	if parameter != "" {
		command = strings.Replace(command, option(parameter, values[0]), "", 1)
		command += option("sweep", parameter+"="+strings.Join(values, ","))
	}
	if seeds > 1 {
		command += fmt.Sprintf(" --seeds %d", seeds)
	}
	return command
}

// option is a flag with its value.
func option(name, value string) string { return fmt.Sprintf(" --%s %s", name, quoted(value)) }

// quoted is s as one word of a shell.
func quoted(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.,:/=+%@"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
