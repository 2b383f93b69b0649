package inventory

import "strings"

// parseOSRelease reads the variables of an os-release file (os-release(5)): assignments in shell syntax
// with single or double quotes, backslash escapes in double ones, and comment lines. A line that is no
// assignment is passed over, as the shell's error would be by most readers.
func parseOSRelease(text string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, found := strings.Cut(strings.TrimSpace(line), "=")
		if !found || name == "" || strings.HasPrefix(name, "#") {
			continue
		}
		values[name] = unquote(value)
	}
	return values
}

// unquote removes one pair of quotes and, but for single ones, backslashes.
func unquote(value string) string {
	single := len(value) >= 2 && value[0] == '\'' && value[len(value)-1] == '\''
	if single {
		return value[1 : len(value)-1]
	}
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		value = value[1 : len(value)-1]
	}
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] == '\\' && i+1 < len(value) {
			i++
		}
		b.WriteByte(value[i])
	}
	return b.String()
}
