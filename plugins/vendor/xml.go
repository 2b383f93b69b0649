package vendor

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
)

// maxDepth bounds how deep elements may lie in each other; the vendors' files have at most 7.
const maxDepth = 64

// Element is the start of an XML element that a Parse asked for.
type Element struct {
	xml.StartElement
	decoder *xml.Decoder
}

// Decode reads the whole element into v as encoding/xml does. Give v fields of strings: a number that is
// none would otherwise end the file instead of the entry.
func (e *Element) Decode(v any) error { return e.decoder.DecodeElement(v, &e.StartElement) }

// Attr is an attribute by its local name, or empty.
func (e *Element) Attr(name string) string {
	for _, a := range e.StartElement.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// Elements walks an XML file whose root has the local name root, and gives every element with a name in
// handle, at any depth, to its function, which may Decode it or leave it; elements inside one left are
// walked, too. It fails where the root is another, the XML is broken or the file ends too early.
func (s *Source) Elements(root string, handle map[string]func(*Element) error) error {
	limited := &depthLimit{from: xml.NewDecoder(s)}
	limited.from.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	limited.from.Entity = xml.HTMLEntity
	d := xml.NewTokenDecoder(limited)
	err := walk(d, root, handle)
	var broken *xml.SyntaxError
	if errors.As(err, &broken) {
		return fmt.Errorf("broken or cut off at byte %d: %s", limited.from.InputOffset(), broken.Msg)
	}
	return err
}

func walk(d *xml.Decoder, root string, handle map[string]func(*Element) error) error {
	inside := false
	for {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && inside:
			return nil
		case errors.Is(err, io.EOF):
			return errors.New("is not XML")
		case err != nil:
			return err
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if !inside && start.Name.Local != root {
			return fmt.Errorf("is another kind of file (its root is %.64q, not %s)", start.Name.Local, root)
		}
		inside = true
		if f := handle[start.Name.Local]; f != nil {
			if err := f(&Element{start.Copy(), d}); err != nil {
				return err
			}
		}
	}
}

// depthLimit hands on raw tokens and refuses to go deeper than maxDepth.
type depthLimit struct {
	from  *xml.Decoder
	depth int
}

func (l *depthLimit) Token() (xml.Token, error) {
	token, err := l.from.RawToken()
	switch token.(type) {
	case xml.StartElement:
		if l.depth++; l.depth > maxDepth {
			return nil, fmt.Errorf("elements lie more than %d deep in each other", maxDepth)
		}
	case xml.EndElement:
		l.depth--
	}
	return token, err
}
