package vendor

import (
	"regexp"
	"strconv"
)

// releaseForm is how Windows names its feature releases: year and month up to 2004, year and half after.
var releaseForm = regexp.MustCompile(`^(\d\d)(?:(\d\d)|[hH]([12]))$`)

// Release puts the name of a Windows feature release into a number that grows with the day it came out:
// "1809" < "1909" < "2004" < "20H2" < "21H1". The halves count as May and October, when they came out.
// It is 0 for what is not such a name.
func Release(name string) int {
	m := releaseForm.FindStringSubmatch(name)
	if m == nil {
		return 0
	}
	year, _ := strconv.Atoi(m[1])
	month, _ := strconv.Atoi(m[2])
	switch m[3] {
	case "1":
		month = 5
	case "2":
		month = 10
	}
	if month < 1 || month > 12 {
		return 0
	}
	return year*100 + month
}

// NewerRelease says whether release a came out after b; names that are no releases are older than all.
func NewerRelease(a, b string) bool { return Release(a) > Release(b) }
