#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds a kernel that notices each wrong access to memory and each wrong order of locks, as build/test-servers/kernel-kasan, for
# tests/vm/test_smtpbody_kasan.py. Debian has none. It takes seven minutes to an hour of two processors, and three
# gigabytes.
#
# Usage: tests/vm/kasan.sh            as root; needs gcc, make, and bc, bison, flex, libelf-dev, libssl-dev
set -eu

cd "$(dirname "$0")/../.."
target=build/test-servers/kernel-kasan
[ ! -e "$target/.complete" ] || exit 0
rm -rf "$target"
mkdir -p "$target/packages" "$target/usr/src"
(cd "$target/packages" && apt-get download -qq linux-source-6.1 && dpkg-deb -x linux-source-6.1_*.deb .)
tar -C "$target/usr/src" -xf "$target/packages/usr/src/linux-source-6.1.tar.xz"
rm -rf "$target/packages"
source=$target/usr/src/linux-source-6.1
make -C "$source" tinyconfig
(cd "$source" && scripts/kconfig/merge_config.sh -m .config ../../../../../../tests/vm/kasan.config)
make -C "$source" olddefconfig
make -C "$source" -j"$(nproc)" bzImage modules
make -C "$source" INSTALL_MOD_PATH="$PWD/$target" modules_install
mkdir -p "$target/boot"
cp "$source/arch/x86/boot/bzImage" "$target/boot/vmlinuz-kasan"
# Where those of other kernels are.
ln -s linux-source-6.1 "$target/usr/src/linux-headers-kasan-amd64"
touch "$target/.complete"
