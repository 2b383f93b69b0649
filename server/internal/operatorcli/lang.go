package operatorcli

import "strings"

// lang is the language of what people read.
type lang string

const (
	nb lang = "nb" // Norwegian bokmål
	en lang = "en"
)

// t chooses between the two languages.
func (l lang) t(norwegian, english string) string {
	if l == en {
		return english
	}
	return norwegian
}

func (c *CLI) t(norwegian, english string) string { return c.lang.t(norwegian, english) }

// chooseLang reads --lang, which must be known before the flags have help texts, then the locale
// (POSIX.1-2017, 8.2: LC_ALL before LC_MESSAGES before LANG).
func chooseLang(args []string, getenv func(string) string) lang {
	for i, a := range args {
		switch value, inline := strings.CutPrefix(a, "--lang="); {
		case a == "--":
			return localeLang(getenv)
		case inline:
			return parseLang(value)
		case a == "--lang" && i+1 < len(args):
			return parseLang(args[i+1])
		}
	}
	return localeLang(getenv)
}

func localeLang(getenv func(string) string) lang {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := getenv(name); v != "" {
			return parseLang(v)
		}
	}
	return nb
}

func parseLang(s string) lang {
	if strings.HasPrefix(s, string(en)) {
		return en
	}
	return nb
}
