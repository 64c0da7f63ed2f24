#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Fetches checkpatch.pl and its lists of words as build/test-servers/checkpatch, for `make kmod-lint`: Debian has them in its
# kernel's source alone, not with the headers.
#
# Usage: tests/vm/checkpatch.sh
set -eu

cd "$(dirname "$0")/../.."
target=build/test-servers/checkpatch
[ ! -e "$target/checkpatch.pl" ] || exit 0
mkdir -p build/test-servers
scratch=$(mktemp -d build/test-servers/checkpatch-XXXXXX)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 4' HUP INT TERM
(cd "$scratch" && apt-get download -qq linux-source-6.1 && dpkg-deb -x linux-source-6.1_*.deb .)
tar -C "$scratch" -xf "$scratch/usr/src/linux-source-6.1.tar.xz" --strip-components=2 --wildcards \
	'*/scripts/checkpatch.pl' '*/scripts/const_structs.checkpatch' '*/scripts/spelling.txt'
rm -rf "$target" && mkdir -p "$target/include" # where it looks for names with capitals
mv "$scratch/checkpatch.pl" "$scratch/const_structs.checkpatch" "$scratch/spelling.txt" "$target"
