package madeup

import (
	"fmt"
	"strings"
)

// base are packages that a Debian school desktop has; the rest are made of stems and endings.
var base = []string{
	"adduser", "apt", "base-files", "bash", "bluez", "bsdutils", "ca-certificates", "coreutils", "cups", "curl",
	"dash", "dbus", "dpkg", "e2fsprogs", "firefox-esr", "fwupd", "gdm3", "gimp", "gnome-shell", "grep", "grub-efi-amd64",
	"gzip", "hostname", "inkscape", "intel-microcode", "iputils-ping", "kmod", "less", "libc6", "libreoffice-calc",
	"libreoffice-writer", "libssl3", "linux-image-amd64", "login", "mount", "nano", "network-manager", "openssh-client",
	"openssl", "passwd", "perl-base", "python3", "sed", "shim-signed", "sudo", "systemd", "tar", "thunderbird",
	"tzdata", "udev", "util-linux", "vlc", "wpasupplicant", "xserver-xorg-core", "zlib1g",
}

var stems = []string{
	"atk", "avahi", "boost", "cairo", "codec", "colord", "dconf", "drm", "evolution", "ffi", "fontconfig", "freetype",
	"gdk", "geocode", "glib", "gnutls", "gst", "gtk", "harfbuzz", "icu", "jpeg", "json", "krb5", "ldap", "mesa", "nss",
	"opus", "pango", "poppler", "pulse", "qt", "raw", "samba", "sane", "soup", "tiff", "usb", "vorbis", "wacom", "webp",
	"xcb", "xml",
}

var endings = []string{"", "-common", "-data", "-bin", "-dev", "-doc", "-utils", "-plugins", "-l10n-nb"}

// packageNames returns n different names.
func packageNames(n int) []string {
	names := append([]string{}, base[:min(n, len(base))]...)
	for i := 0; len(names) < n; i++ {
		stem, rest := stems[i%len(stems)], i/len(stems)
		names = append(names, fmt.Sprintf("lib%s%d%s", stem, rest/len(endings), endings[rest%len(endings)]))
	}
	return names
}

// dpkgStatus is a var/lib/dpkg/status with n installed packages, and two that were removed but left
// their configuration, as every machine that has lived for a while has.
func dpkgStatus(n int) string {
	var b strings.Builder
	for i, name := range packageNames(n) {
		writePackage(&b, name, "install ok installed", fmt.Sprintf("%d.%d-%d", 1+i%9, i%40, 1+i%5))
	}
	writePackage(&b, "exim4-config", "deinstall ok config-files", "4.96-15+deb12u4")
	writePackage(&b, "linux-image-6.1.0-9-amd64", "deinstall ok config-files", "6.1.27-1")
	return b.String()
}

func writePackage(b *strings.Builder, name, status, version string) {
	fmt.Fprintf(b, `Package: %s
Status: %s
Priority: optional
Section: misc
Installed-Size: %d
Maintainer: Debian Maintainers <maintainers@example.org>
Architecture: amd64
Multi-Arch: same
Version: %s
Depends: libc6 (>= 2.34), libgcc-s1 (>= 3.0)
Description: %s of a made-up machine
 This package is only an entry in a list: nothing is installed.
 .
 Its text is as long as that of a usual package, so that reading the list
 takes as long as it does on a real machine.

`, name, status, 64+len(name)*37, version, name)
}
