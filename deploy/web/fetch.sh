#!/bin/sh
# Brings the design system's style sheets and licences into server/internal/web/assets, where they are
# committed: a build without npm uses what is there. Versions are pinned by package-lock.json.
set -eu
cd "$(dirname "$0")"
assets=../../server/internal/web/assets
npm ci --ignore-scripts --no-fund --no-audit
mkdir -p "$assets"
copy() { # copy PACKAGE FILE NAME
	install -m 0644 "node_modules/@digdir/$1/$2" "$assets/$3.new"
	mv "$assets/$3.new" "$assets/$3"
}
copy designsystemet-css dist/src/index.css designsystemet.css
copy designsystemet-css LICENSE designsystemet.LICENSE
copy designsystemet-theme src/themes/designsystemet.css theme.css
copy designsystemet-theme LICENSE theme.LICENSE
