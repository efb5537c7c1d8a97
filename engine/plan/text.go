package plan

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// What String shows of a plan at most: members of a group, and bytes in all.
const (
	maxMembers = 8
	maxText    = 160
)

// String returns the plan on one line, for traces: serial{100, parallel{200, 201+5s} ring=25s}.
// A target is its name, user or URI; +5s is a delay. Of a long plan it shows the start.
func (n *Node) String() string {
	var b strings.Builder
	n.write(&b)
	s := b.String()
	if len(s) <= maxText {
		return s
	}
	end := maxText
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

func (n *Node) write(b *strings.Builder) {
	if n == nil {
		b.WriteString("nil")
		return
	}
	switch n.Kind {
	case KindTarget:
		b.WriteString(n.label())
	case KindSerial:
		n.writeGroup(b, n.serialName())
	case KindParallel:
		n.writeGroup(b, "parallel")
	case KindDeferred:
		b.WriteString("function")
	case KindReject, KindRedirect:
		n.writeReply(b)
	case KindFollow:
		b.WriteString("follow")
	case KindAwait:
		b.WriteString("await " + n.Await.Name)
	case KindPass:
		b.WriteString("pass")
	case KindAccept:
		b.WriteString("accept")
	}
	if n.Delay > 0 {
		b.WriteString("+" + seconds(n.Delay))
	}
	if n.Ring > 0 {
		b.WriteString(" ring=" + seconds(n.Ring))
	}
	if n.Hold {
		b.WriteString(" hold")
	}
}

func (n *Node) serialName() string {
	if n.Divert != nil {
		return "divert"
	}
	return "serial"
}

func (n *Node) label() string {
	switch {
	case n.Name != "":
		return n.Name
	case n.Target.User != "":
		return n.Target.User
	}
	return n.Target.URI
}

func (n *Node) writeGroup(b *strings.Builder, kind string) {
	b.WriteString(kind)
	if n.Name != "" {
		b.WriteString(" " + n.Name)
	}
	b.WriteByte('{')
	for i, m := range n.Members {
		if i > 0 {
			b.WriteString(", ")
		}
		if more := len(n.Members) - i; i == maxMembers-1 && more > 1 {
			b.WriteString("… " + strconv.Itoa(more) + " more")
			break
		}
		if b.Len() > maxText {
			break // it is cut there
		}
		m.write(b)
	}
	b.WriteByte('}')
}

func (n *Node) writeReply(b *strings.Builder) {
	if n.Kind == KindReject {
		b.WriteString("reject ")
	} else {
		b.WriteString("redirect ")
	}
	b.WriteString(strconv.Itoa(n.Reply.Code))
	if n.Name != "" {
		b.WriteString(" " + n.Name)
	}
	for _, c := range n.Reply.Contacts {
		b.WriteString(" " + c.URI)
	}
}

func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s"
}
