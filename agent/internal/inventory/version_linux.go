package inventory

import (
	"cmp"
	"strings"
)

// compareVersions orders kernel versions: runs of digits as numbers, the rest as text; whichever goes on
// longer is newer.
func compareVersions(a, b string) int {
	for a != "" && b != "" {
		var x, y string
		x, a = cutRun(a)
		y, b = cutRun(b)
		order := strings.Compare(x, y)
		if isDigit(x[0]) && isDigit(y[0]) {
			x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
			order = cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y))
		}
		if order != 0 {
			return order
		}
	}
	return cmp.Compare(len(a), len(b))
}

// cutRun cuts the digits, or the other characters, that s begins with. s is not empty.
func cutRun(s string) (run, rest string) {
	n := 1
	for n < len(s) && isDigit(s[n]) == isDigit(s[0]) {
		n++
	}
	return s[:n], s[n:]
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }
