package plan

// await starts the operation of the step i. The step runs until the operation has ended, or its time is over; clocks of the
// groups around run on.
func (e *Executor) await(i int32) {
	n := &e.nodes[i]
	op := n.src.Await
	n.at = e.now.Add(op.Timeout)
	e.acts = append(e.acts, Action{Kind: ActStart, Pos: n.src.Pos, Operation: operationOf(i), Await: op})
}

// operationOf names the operation of the step i, which starts one at most.
func operationOf(i int32) OperationID { return OperationID(i + 1) }

// awaits reports whether the step i waits for its operation.
func (e *Executor) awaits(i int32) bool {
	n := &e.nodes[i]
	return n.state == running && n.src.Kind == KindAwait
}

// operationDone takes the end of an operation, unless nobody waits for it any more.
func (e *Executor) operationDone(ev *Event) {
	i := int32(ev.Operation) - 1
	if i < 0 || int(i) >= len(e.nodes) || !e.awaits(i) {
		return
	}
	e.awaited(i, Result{Value: ev.Value, Err: ev.Err})
}

// operationLate is the end of the wait for an operation.
func (e *Executor) operationLate(i int32) {
	e.drop(i)
	e.awaited(i, Result{Err: ErrTimeout})
}

// drop gives up the operation of the step i if it waits for one: its function will not be called.
func (e *Executor) drop(i int32) {
	if e.awaits(i) {
		n := &e.nodes[i]
		e.acts = append(e.acts, Action{Kind: ActDrop, Pos: n.src.Pos, Operation: operationOf(i), Await: n.src.Await})
	}
}

// awaited asks what takes the place of the step i, whose operation has ended. What comes back stands there as if it had been
// written there, but counts as a replacement, so that awaits that return awaits come to an end. Nil is what it is for the
// handler that has put the await there.
func (e *Executor) awaited(i int32, r Result) {
	n := &e.nodes[i]
	n.state, n.at = ended, never
	r.Elapsed, r.Place = e.now.Sub(n.start), n.place
	plan := e.ask.Awaited(n.src, &r)
	if plan != nil && (r.Place != PlaceRedirected || plan.Kind != KindFollow) {
		if !e.full(i, plan) {
			e.stand(i, plan, e.nodes[i].replaced+1)
		}
		return
	}
	switch r.Place {
	case PlaceMember:
		e.failSynthetic(i, Failed, 500)
	case PlaceStart:
		e.finish(Action{Kind: ActRespond, Code: 404})
	case PlaceExhausted:
		e.respondBest()
	case PlaceFailed:
		e.goOn(e.giveBack(i))
	case PlaceRedirected:
		f := e.giveBack(i)
		if plan = e.whither(f, plan); plan != nil {
			e.replace(f, plan, PlaceRedirected)
		}
	}
}

// giveBack takes the step i, which has waited in the place of one that failed, out of the plan and returns the other.
func (e *Executor) giveBack(i int32) int32 {
	n := &e.nodes[i]
	f := n.replaces
	if n.parent == none {
		e.root = f
	} else {
		e.nodes[f].next = n.next
	}
	e.nodes[f].replaced = n.replaced
	return f
}
