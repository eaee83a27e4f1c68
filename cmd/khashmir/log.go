package main

import (
	"log/slog"

	"github.com/khashmir/kad/khashmir"
)

// logger writes to standard error, where systemd's journal listens.
func (p *program) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(p.settings.logLevel)); err != nil {
		return nil, usage("--log-level is debug, info, warn or error, not %q", p.settings.logLevel)
	}
	options := &slog.HandlerOptions{Level: level}
	switch p.settings.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(p.err, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(p.err, options)), nil
	}
	return nil, usage("--log-format is text or json, not %q", p.settings.logFormat)
}

// logged tells the log what the node does, at the level debug; of contacts that
// come and go at the level info.
func logged(log *slog.Logger) khashmir.Observer {
	o := khashmir.Observer{
		Met:  func(c khashmir.Contact) { log.Info("contact met", "contact", c) },
		Lost: func(c khashmir.Contact) { log.Info("contact lost", "contact", c) },
	}
	if !log.Enabled(nil, slog.LevelDebug) {
		return o
	}
	o.Lookup = func(l khashmir.Lookup) {
		log.Debug("lookup ended", "number", l.Number, "target", l.Target, "values", l.Values, "questions", l.Questions, "answers", l.Answers, "hops", l.Hops, "took", l.Took, "err", l.Err)
	}
	o.Served = func(s khashmir.Served) {
		log.Debug("question answered", "from", s.From, "method", s.Method, "target", s.Target, "refusal", s.Refusal, "took", s.Took)
	}
	return o
}
