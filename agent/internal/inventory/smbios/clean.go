package smbios

import (
	"regexp"
	"strings"
	"unicode"
)

// placeholders are texts that firmware carries where nobody filled in the field, in lower case. They are
// what AMI, Insyde and Phoenix reference code and the vendors' service tools leave behind.
var placeholders = map[string]bool{
	"to be filled by o.e.m.": true, "to be filled by o.e.m": true, "to be filled by oem": true,
	"default string": true, "default_string": true, "not specified": true, "not applicable": true,
	"not available": true, "not defined": true, "not set": true, "not present": true, "n/a": true, "na": true,
	"none": true, "null": true, "unknown": true, "undefined": true, "unspecified": true, "invalid": true,
	"empty": true, "blank": true, "o.e.m.": true, "oem": true, "tbd": true, "oem_serial": true,
	"system serial number": true, "system product name": true, "system manufacturer": true,
	"system version": true, "system sku": true, "sku": true, "sku number": true, "serial number": true,
	"base board serial number": true, "base board version": true, "type2 - board serial number": true,
	"chassis serial number": true, "chassis version": true, "chassis manufacture": true, "asset tag": true,
	"asset-1234567890": true, "no asset tag": true, "no asset information": true, "no enclosure": true,
	"0123456789": true, "1234567890": true, "123456789": true, "12345678": true, "1234567": true,
	"fill by oem": true, "filled by oem": true, "type1productconfigid": true, "type1family": true,
	"sernum": true, "serial": true, "bad index": true,
}

var onlyOneFiller = regexp.MustCompile(`^(0+|[xX]+|[fF]{4,}|\*+|\.+|-+|_+|\?+)$`)

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// Clean makes text fit to store and empty where it is a placeholder.
func Clean(text string) string {
	text = printable(text)
	if placeholders[strings.ToLower(text)] || onlyOneFiller.MatchString(text) {
		return ""
	}
	return text
}

// CleanUUID brings a UUID into lower case, and gives the empty text for anything but a UUID and for those
// that many machines share: all zeroes, all ones, and the counting one of AMI's reference code.
func CleanUUID(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	digits := strings.ReplaceAll(text, "-", "")
	switch {
	case !uuidForm.MatchString(text), strings.Trim(digits, "0") == "", strings.Trim(digits, "f") == "":
		return ""
	case text == "03000200-0400-0500-0006-000700080009", text == "00020003-0004-0005-0006-000700080009":
		return ""
	}
	return text
}

// printable drops what is neither graphic nor a plain space, and joins runs of spaces.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) && r != unicode.ReplacementChar {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, " "))
	return strings.Join(strings.Fields(text), " ")
}
