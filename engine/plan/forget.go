package plan

// Forget lets go of everything in the plan that could still ask the script: edges, functions and members. It does
// nothing until the call is decided; after that only branches that wait for their final response are left, and those
// need no plan.
func (e *Executor) Forget() {
	if !e.done {
		return
	}
	for i := range e.nodes {
		n := &e.nodes[i]
		src := *n.src // nodes are shared by calls: the copy is ours
		src.On, src.Each, src.Members, src.Func = nil, nil, nil, nil
		n.src, n.on = &src, nil
	}
}
