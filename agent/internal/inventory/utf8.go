package inventory

import (
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// repairText replaces what is not UTF-8 in all text of a message: a message with such text cannot be sent.
func repairText(m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
		case field.IsList():
			repairList(field, value.List())
		case field.Message() != nil:
			repairText(value.Message())
		case field.Kind() == protoreflect.StringKind:
			if text := value.String(); !utf8.ValidString(text) {
				m.Set(field, validText(text))
			}
		}
		return true
	})
}

func repairList(field protoreflect.FieldDescriptor, list protoreflect.List) {
	for i := range list.Len() {
		switch {
		case field.Message() != nil:
			repairText(list.Get(i).Message())
		case field.Kind() == protoreflect.StringKind:
			list.Set(i, validText(list.Get(i).String()))
		}
	}
}

func validText(text string) protoreflect.Value {
	return protoreflect.ValueOfString(strings.ToValidUTF8(text, "\uFFFD"))
}
