#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds and installs hopguard twice, from its sources alone, under circumstances that must not matter: another folder, entered
# by a link, sources of another age and unpacked in another order, another umask, locale, time zone and number of jobs. Ends with
# status 0 where every installed file is the same, in its octets and its rights; names what differs otherwise.
#
# Usage: tests/reproducible.sh [what make is told, as CC=clang]
set -eu

cd "$(dirname "$0")/.."
SOURCES="Makefile daemon docs kmod rules systemd"
LEFT=build/reproducible
unset MAKEFLAGS MFLAGS MAKELEVEL

scratch=$(mktemp -d "${TMPDIR:-/tmp}/hopguard-reproducible-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 4' HUP INT TERM

# unpack FOLDER [how to sort]
unpack() {
	mkdir -p "$1"
	# shellcheck disable=SC2086
	find $SOURCES -type f | LC_ALL=C sort ${2:-} | tar -c -T - | tar -x -C "$1"
}

# Rights of all that was installed, and digests of the files.
listed() {
	(cd "$1" && find . -printf '%M %p\n' | LC_ALL=C sort -k 2 && find . -type f -exec sha256sum '{}' + | LC_ALL=C sort -k 2)
}

unpack "$scratch/one"
unpack "$scratch/another/and/deeper" -r
find "$scratch/another" -type f -exec touch -d 2020-02-02T02:02:02 '{}' +
ln -s another/and/deeper "$scratch/link"

(umask 022 && cd "$scratch/one" &&
	env LC_ALL=C TZ=UTC0 make -j"$(nproc)" install DESTDIR="$scratch/first" "$@" >/dev/null)
(umask 077 && cd "$scratch/link" &&
	env LC_ALL=C.UTF-8 TZ=Asia/Kathmandu HOME=/nonexistent make install DESTDIR="$scratch/second" "$@" >/dev/null)

listed "$scratch/first" >"$scratch/first.list"
listed "$scratch/second" >"$scratch/second.list"
if ! diff "$scratch/first.list" "$scratch/second.list" >"$scratch/difference"; then
	rm -rf "$LEFT"
	mkdir -p "$LEFT"
	mv "$scratch"/* "$LEFT"
	echo "not reproducible; both builds lie in $LEFT:"
	cat "$LEFT/difference"
	exit 1
fi
echo "reproducible: $(grep -c '^-' "$scratch/first.list") installed files are the same twice, among them"
grep 'sbin/hopguard$' "$scratch/first.list" | grep -v '^-'
