#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Brings what the tests and the demo need, or a developer beside them. Tools are installed with apt, missing ones only. Mail and name servers are
# not installed: Postfix, Exim and OpenSMTPD exclude each other, would take the place of the user's own mail server,
# and start services. Their packages are unpacked into build/test-servers/NAME, whence tests/lab runs them in private
# mount namespaces; only the shared libraries that they name are installed. Neither is the kernel that tests/vm boots.
#
# Usage: tests/test-deps.sh [servers|tools|developer]     (servers and tools when nothing is said)
set -eu

cd "$(dirname "$0")/.."
servers_dir=build/test-servers

TOOLS="python3 python3-pytest python3-dnspython python3-scapy openssl ldnsutils swaks libnet-ssleay-perl
	libio-socket-inet6-perl tcpdump iproute2 iptables nftables util-linux procps dns-root-data libcmocka-dev
	libxtables-dev systemd git gpg gpg-agent gpgv valgrind"
# For make lint, fuzz and coverage.
DEVELOPER_TOOLS="clang clang-format clang-tidy cppcheck libclang-rt-14-dev llvm mandoc perl"
# For tests/vm, where programs of this machine run under Debian's kernels, and our module in them. The ones for clouds are
# those of the distribution with fewer drivers, and a third of their size. The newer one is left out where apt has none. DKMS,
# installed, would build modules of this machine's with each new kernel.
VM_TOOLS="qemu-system-x86 kmod"
VM_KERNEL="kernel-6.1:linux-image-cloud-amd64,linux-headers-cloud-amd64"
VM_NEWER_IMAGE="linux-image-6.12-cloud-amd64"
VM_NEWER_KERNEL="kernel-6.12:$VM_NEWER_IMAGE,linux-headers-6.12-cloud-amd64"
# Folder under build/test-servers, and the packages unpacked into it.
SERVERS="postfix:postfix exim:exim4-daemon-light,exim4-base opensmtpd:opensmtpd nsd:nsd unbound:unbound nginx:nginx
	tayga:tayga"

say() {
	echo "test-deps: $*"
}

# Of the named packages those that are not installed.
missing() {
	present=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p')
	printf '%s\n' "$@" | grep -vxF "$present" | sort -u || true
}

updated=
update_lists() {
	[ -z "$updated" ] || return 0
	say "reading package lists"
	apt-get update -qq
	updated=yes
}

# A machine that was just set up may have no lists yet, or not those of security updates.
knows() {
	[ -n "$(apt-cache show "$1" 2>/dev/null)" ]
}

# --no-remove and --no-upgrade: a test must not change what the machine already has.
install_packages() {
	say "installing" "$@"
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --no-remove --no-upgrade "$@" \
		>"$servers_dir/apt.log" 2>&1 || return 1
}

install_missing() {
	wanted=$(missing "$@")
	[ -n "$wanted" ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		# shellcheck disable=SC2086
		say "needs root to install:" $wanted
		exit 4
	fi
	# shellcheck disable=SC2086
	install_packages $wanted && return 0
	update_lists
	# shellcheck disable=SC2086
	install_packages $wanted || { cat "$servers_dir/apt.log"; exit 4; }
}

# The shared libraries among a package's dependencies, the first of each alternative.
libraries_of() {
	dpkg-deb -f "$1" Depends | tr ',' '\n' | sed -e 's/|.*//' -e 's/(.*//' -e 's/[[:space:]]//g' |
		grep '^lib' || true
}

# What a package depends on, by the beginning of its name.
needed_by() {
	apt-cache depends "$1" 2>/dev/null | sed -n "s/^ *|\{0,1\}Depends: \($2.*\)/\1/p"
}

# The packages to download. A kernel's name without a release is a package that only depends on the newest, and its headers
# are in three.
meant_by() {
	for package in "$@"; do
		case $package in
		linux-image-*)
			newest=$(needed_by "$package" 'linux-image-[0-9]' | head -n 1)
			echo "${newest:-$package}"
			;;
		linux-headers-*)
			newest=$(needed_by "$package" 'linux-headers-[0-9]' | head -n 1)
			newest=${newest:-$package}
			echo "$newest"
			needed_by "$newest" 'linux-headers-[0-9]'
			needed_by "$newest" 'linux-kbuild-'
			;;
		*)
			echo "$package"
			;;
		esac
	done
}

fetch() {
	# shellcheck disable=SC2046
	apt-get download -qq $(meant_by "$@") >apt.log 2>&1 && return 0
	update_lists
	# shellcheck disable=SC2046
	apt-get download -qq $(meant_by "$@") >apt.log 2>&1 || { cat apt.log; return 1; }
}

# What modprobe reads is made where a kernel is installed, and is not in its package.
index_modules() {
	install_missing kmod
	for modules in "$1"/lib/modules/*; do
		PATH=$PATH:/usr/sbin:/sbin depmod -b "$1" "${modules##*/}"
	done
}

# Headers name each other by where they would be installed.
relocate_headers() {
	for makefile in "$1"/usr/src/linux-headers-*-amd64/Makefile; do
		# shellcheck disable=SC2016
		sed -i 's|^include /usr/src/|include $(dir $(lastword $(MAKEFILE_LIST)))../|' "$makefile"
	done
}

# One folder is complete or absent: it is unpacked beside its place and moved there as a whole.
unpack_server() {
	name=$1
	shift
	target=$servers_dir/$name
	[ ! -e "$target/.complete" ] || return 0
	say "unpacking $name"
	rm -rf "$target" "$target.new"
	mkdir -p "$target.new/packages"
	(cd "$target.new/packages" && fetch "$@") || exit 4
	libraries=
	for archive in "$target.new/packages"/*.deb; do
		dpkg-deb -x "$archive" "$target.new"
		libraries="$libraries $(libraries_of "$archive")"
	done
	# shellcheck disable=SC2086
	install_missing $libraries
	rm -rf "$target.new/packages"
	[ ! -d "$target.new/lib/modules" ] || index_modules "$target.new"
	[ ! -d "$target.new/usr/src" ] || relocate_headers "$target.new"
	echo "$libraries" >"$target.new/.complete"
	mv "$target.new" "$target"
}

# A library that was removed since the server was unpacked comes back.
check_libraries() {
	# shellcheck disable=SC2046
	install_missing $(cat "$servers_dir"/*/.complete)
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
	say "this machine has no apt; the tests need these Debian packages, or their like:"
	# shellcheck disable=SC2086
	echo $TOOLS $VM_TOOLS $DEVELOPER_TOOLS "$SERVERS $VM_KERNEL $VM_NEWER_KERNEL dkms:dkms" | tr ':,' '  '
	exit 4
fi
# The emulated machine runs this one's programs.
if [ "$(dpkg --print-architecture)" = amd64 ]; then
	TOOLS="$TOOLS $VM_TOOLS"
	SERVERS="$SERVERS $VM_KERNEL dkms:dkms"
	if [ ! -e "$servers_dir/${VM_NEWER_KERNEL%%:*}/.complete" ] && ! knows "$VM_NEWER_IMAGE"; then
		update_lists || true
	fi
	! knows "$VM_NEWER_IMAGE" || SERVERS="$SERVERS $VM_NEWER_KERNEL"
fi

mkdir -p "$servers_dir"
what=${1:-all}
if [ "$what" = developer ]; then
	# shellcheck disable=SC2086
	install_missing $DEVELOPER_TOOLS
	exit
fi
if [ "$what" != servers ]; then
	# shellcheck disable=SC2086
	install_missing $TOOLS
fi
if [ "$what" != tools ]; then
	for server in $SERVERS; do
		# shellcheck disable=SC2046
		unpack_server "${server%%:*}" $(echo "${server#*:}" | tr ',' ' ')
	done
	check_libraries
fi
