# SPDX-License-Identifier: GPL-2.0-or-later
# hopguard. `make help` lists the targets. V=1 shows commands, SANITIZE=address,undefined builds with them.

VERSION     := 0.1.0
PREFIX      ?= /usr/local
SYSCONFDIR  ?= /etc
SBINDIR     ?= $(PREFIX)/sbin
MANDIR      ?= $(PREFIX)/share/man
UNITDIR     ?= $(PREFIX)/lib/systemd/system
BUILD       ?= build
CC          ?= cc
CLANG       ?= clang
PYTHON      ?= /usr/bin/python3
Q           := $(if $(V),,@)

LIBRARIES   := libmnl libnetfilter_queue libunbound libevent_core openssl libidn2 jansson libconfuse \
               libcap libseccomp libpcap libsystemd
# Packages: build, then run time; Debian's names, then Fedora's and Alpine's for `make deps` elsewhere.
DEPS_APT    := gcc make pkg-config libc6-dev linux-libc-dev libmnl-dev libnetfilter-queue-dev libunbound-dev \
               libevent-dev libssl-dev libidn2-dev libjansson-dev libconfuse-dev libcap-dev libseccomp-dev \
               libpcap-dev libsystemd-dev iptables nftables iproute2 dns-root-data
DEPS_DNF    := gcc make pkgconf-pkg-config libmnl-devel libnetfilter_queue-devel unbound-devel libevent-devel \
               openssl-devel libidn2-devel jansson-devel libconfuse-devel libcap-devel libseccomp-devel \
               libpcap-devel systemd-devel iptables-nft nftables iproute
DEPS_APK    := build-base pkgconf linux-headers libmnl-dev libnetfilter_queue-dev unbound-dev libevent-dev \
               openssl-dev libidn2-dev jansson-dev confuse-dev libcap-dev libseccomp-dev libpcap-dev \
               iptables nftables iproute2

WARNINGS    := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
HARDENING   := -fstack-protector-strong -fPIE -D_FORTIFY_SOURCE=2
SANITIZE    ?=
ifneq ($(SANITIZE),)
HARDENING   := -fPIE -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined
LDEXTRA     := -fsanitize=$(SANITIZE)
BUILD       := $(BUILD)/sanitized
endif
CFLAGS      ?= -O2 -g
CPPFLAGS    += -Idaemon -Itests -D_GNU_SOURCE -DHOPGUARD_VERSION='"$(VERSION)"' -DHOPGUARD_SYSCONFDIR='"$(SYSCONFDIR)"'
LIB_CFLAGS  = $(shell pkg-config --cflags $(LIBRARIES) 2>/dev/null)
LIB_LDLIBS  = $(shell pkg-config --libs $(LIBRARIES) 2>/dev/null)
ALL_CFLAGS  = -std=c11 $(WARNINGS) $(WERROR) $(HARDENING) $(CFLAGS) $(LIB_CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(LDEXTRA) $(LDFLAGS)

SOURCES     := $(wildcard daemon/*.c daemon/*/*.c)
OBJECTS     := $(SOURCES:%.c=$(BUILD)/%.o)
LIBOBJECTS  := $(filter-out $(BUILD)/daemon/main.o,$(OBJECTS))
UNIT_TESTS  := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*_test.c tests/unit/*/*_test.c))
TEST_TOOLS  := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/tools/*.c))
SUPPORT     := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))
FUZZERS     := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/*_fuzz.c))

.PHONY: all help lib unit tools layers fuzz clean
all: $(BUILD)/hopguard

lib: $(BUILD)/libhopguard.a

$(BUILD)/hopguard: $(BUILD)/daemon/main.o $(BUILD)/libhopguard.a
	@$(if $(V),,echo "  LD    $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LDLIBS)

$(BUILD)/libhopguard.a: $(LIBOBJECTS)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC    $<")
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# One program per unit test: build/tests/unit/wire/packet_test
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(SUPPORT) $(BUILD)/libhopguard.a
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(LIB_LDLIBS)

# Programs that the lab runs beside the daemon: build/tests/tools/scout_ask
$(BUILD)/tests/tools/%: $(BUILD)/tests/tools/%.o $(BUILD)/libhopguard.a
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LDLIBS)

tools: $(TEST_TOOLS)

unit: $(UNIT_TESTS)
	$(Q)status=0; for t in $^; do $$t || status=1; done; exit $$status

# Fuzz targets: clang, sanitizers, and only those objects that a target needs.
SECONDS     ?= 10
FUZZ_FLAGS  := -std=c11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZ_OBJECTS := $(patsubst %.c,build/fuzz/%.o,$(filter-out daemon/main.c,$(SOURCES)))

build/fuzz/daemon/%.o: daemon/%.c Makefile
	@mkdir -p $(@D)
	@$(if $(V),,echo "  FUZZ  $<")
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link $(LIB_CFLAGS) -MMD -MP -c -o $@ $<

build/fuzz/libhopguard.a: $(FUZZ_OBJECTS)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

build/fuzz/%_fuzz: tests/fuzz/%_fuzz.c build/fuzz/libhopguard.a
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer $(LIB_CFLAGS) -o $@ $^ $(LIB_LDLIBS)

# Each target for SECONDS, one after the other. What fails lies in build/fuzz/NAME-crash-…, what it learned in
# build/fuzz/corpus/NAME.
fuzz: $(FUZZERS)
	$(Q)status=0; for f in $^; do name=$$(basename $$f _fuzz); seeds=tests/fuzz/corpus/$$name; \
		mkdir -p build/fuzz/corpus/$$name; [ -d $$seeds ] || seeds=; echo "  FUZZ  $$name, $(SECONDS) s"; \
		$$f -max_total_time=$(SECONDS) -timeout=10 -verbosity=0 -print_final_stats=1 \
			-artifact_prefix=build/fuzz/$$name- build/fuzz/corpus/$$name $$seeds || status=1; \
	done; exit $$status

layers:
	$(Q)awk -f tests/layers.awk daemon/LAYERS daemon/*.[ch] daemon/*/*.[ch]

clean:
	$(Q)rm -rf build

-include $(OBJECTS:.o=.d) $(SUPPORT:.o=.d) $(UNIT_TESTS:=.d) $(TEST_TOOLS:=.d) $(FUZZ_OBJECTS:.o=.d)
.SECONDARY:
