package khashmir

// Observers is one observer in the place of several: each hears of everything,
// in their order.
func Observers(all ...Observer) Observer {
	var o Observer
	for _, each := range all {
		o.Lookup = both(o.Lookup, each.Lookup)
		o.Step = both(o.Step, each.Step)
		o.Served = both(o.Served, each.Served)
		o.Met = both(o.Met, each.Met)
		o.Lost = both(o.Lost, each.Lost)
	}
	return o
}

// both is nil where nobody is missed.
func both[T any](a, b func(T)) func(T) {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return func(what T) {
		a(what)
		b(what)
	}
}
