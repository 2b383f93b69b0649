package patch

// providers are the update services a Linux machine may have, in the order of reports. fwupd speaks for the
// hardware the agent runs on, so another root has none unless the options name a bus.
func providers(o Options) []Provider {
	run := o.Run
	if run == nil {
		run = Run
	}
	all := []Provider{NewApt(o.Root, run), NewDnf(o.Root, run)}
	if o.Root == "/" || o.Bus != "" {
		all = append(all, NewFwupd(o.Bus))
	}
	return all
}
