package convert

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// element is an element of the file.
type element struct {
	name     string
	attrs    map[string]string
	text     string // its own, without that of its children
	children []*element
	line     int
}

// maxDepth is how deep elements may stand in each other: more are no call flow.
const maxDepth = 64

// parse reads a file. Elements that are not closed end with the one around them: the sample that people start from has one.
func (w *writer) parse(text string) *element {
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = false
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // UTF-8, by its documentation
	root := &element{}
	path := []*element{root}
	for {
		token, err := d.Token()
		line, _ := d.InputPos()
		top := path[len(path)-1]
		switch t := token.(type) {
		case xml.StartElement:
			n := &element{name: t.Name.Local, line: line, attrs: make(map[string]string)}
			for _, a := range t.Attr {
				n.attrs[a.Name.Local] = strings.TrimSpace(a.Value)
			}
			top.children = append(top.children, n)
			if path = append(path, n); len(path) > maxDepth {
				w.fail(line, "elements stand more than %d deep in each other", maxDepth)
			}
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			top.text += string(t)
		}
		switch {
		case errors.Is(err, io.EOF) && len(root.children) == 1:
			return root.children[0]
		case errors.Is(err, io.EOF):
			w.fail(line, "one element is to be around everything, <mssxml> or <Response>")
		case err != nil:
			w.fail(line, "no XML: %v", err)
		}
	}
}

// all returns the elements of a name anywhere inside.
func (n *element) all(name string) (list []*element) {
	for _, c := range n.children {
		if c.name == name {
			list = append(list, c)
		}
		list = append(list, c.all(name)...)
	}
	return list
}
