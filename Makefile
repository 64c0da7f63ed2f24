# SPDX-License-Identifier: GPL-2.0-or-later
# hopguard. `make help` lists the targets. V=1 shows commands, SANITIZE=address,undefined builds with them.

VERSION     := 0.1.0
PREFIX      ?= /usr/local
SYSCONFDIR  ?= /etc
SBINDIR     ?= $(PREFIX)/sbin
MANDIR      ?= $(PREFIX)/share/man
LIBDIR      ?= $(PREFIX)/lib
DATADIR     ?= $(PREFIX)/share/hopguard
BUILD       ?= build
CC          ?= cc
CLANG       ?= clang
PYTHON      ?= /usr/bin/python3
Q           := $(if $(V),,@)

LIBRARIES   := libmnl libnetfilter_queue libunbound libcurl libssl libcrypto libevent_core libidn2 ldns jansson libconfuse \
               libcap libseccomp libpcap libsystemd sqlite3 libbpf
# Packages: build, then run time; Debian's names, then Fedora's and Alpine's for `make deps` elsewhere.
DEPS_APT    := gcc make pkg-config libc6-dev linux-libc-dev libmnl-dev libnetfilter-queue-dev libunbound-dev \
               libcurl4-openssl-dev libssl-dev libevent-dev libidn2-dev libldns-dev libjansson-dev libconfuse-dev libcap-dev \
               libseccomp-dev libpcap-dev libsystemd-dev libsqlite3-dev libbpf-dev clang iptables nftables iproute2 dns-root-data ca-certificates gpgv
DEPS_DNF    := gcc make pkgconf-pkg-config libmnl-devel libnetfilter_queue-devel unbound-devel libevent-devel \
               libbpf-devel clang libcurl-devel openssl-devel libidn2-devel ldns-devel jansson-devel libconfuse-devel libcap-devel \
               libseccomp-devel libpcap-devel systemd-devel sqlite-devel ca-certificates iptables-nft nftables iproute gnupg2
DEPS_APK    := build-base pkgconf linux-headers libbpf-dev clang libmnl-dev libnetfilter_queue-dev unbound-dev libevent-dev \
               curl-dev openssl-dev libidn2-dev ldns-dev jansson-dev confuse-dev libcap-dev libseccomp-dev libpcap-dev sqlite-dev ca-certificates \
               iptables nftables iproute2 gpgv

# date-time: the program is the same whenever it is built.
WARNINGS    := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror=date-time
# Of a list of flags those that this compiler and its C library know.
known_flags  = $(foreach flag,$(1),$(shell $(CC) -Werror -O2 -U_FORTIFY_SOURCE $(flag) -include stdlib.h -x c -S -o - /dev/null \
               >/dev/null 2>&1 && echo $(flag)))
MACHINE     := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null)))
SANITIZE    ?=
ifneq ($(SANITIZE),)
HARDENING   := -fPIE -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined
HARD_LINK   := -fsanitize=$(SANITIZE)
BUILD       := $(BUILD)/sanitized
else
# tests/lab/test_binary.py looks at what came of them. The start files of Debian's C library are not marked for branch tracking,
# so the linker marks the program for shadow stacks alone. Variables are not zeroed (-ftrivial-auto-var-init): a packet would cost half
# as much again, and memcheck looks for those that nobody wrote.
HARDENING   := -fPIE -fstack-protector-strong -U_FORTIFY_SOURCE $(call known_flags,-D_FORTIFY_SOURCE=3 -fstack-clash-protection)
HARDENING_x86_64  := -fcf-protection=full
HARDENING_aarch64 := -mbranch-protection=standard
HARD_LINK_x86_64  := -Wl,-z,shstk
HARDENING   += $(HARDENING_$(MACHINE))
HARD_LINK   := -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code $(HARD_LINK_$(MACHINE))
endif
CFLAGS      ?= -O2 -g
CPPFLAGS    += -I. -Idaemon -Itests -D_GNU_SOURCE -DHOPGUARD_VERSION='"$(VERSION)"' -DHOPGUARD_SYSCONFDIR='"$(SYSCONFDIR)"'
LIB_CFLAGS  = $(shell pkg-config --cflags $(LIBRARIES) 2>/dev/null)
LIB_LDLIBS  = $(shell pkg-config --libs $(LIBRARIES) 2>/dev/null)
# The eBPF program of kmod/ is a part of hopguard. Without a clang that can build it, hopguard has none and says so.
BPF_OBJECT  := $(BUILD)/kmod/smtpbody_bpf.o
BPF_FLAGS   := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -ffile-prefix-map=$(CURDIR)=. \
               -idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null)
CPPFLAGS    += -DHOPGUARD_BPF_OBJECT='"$(BPF_OBJECT)"'
# Debug information names sources from the top of the tree on, wherever that is, and whichever link led there.
export PWD  := $(CURDIR)
ALL_CFLAGS  = -std=c11 $(WARNINGS) $(WERROR) $(HARDENING) $(CFLAGS) -ffile-prefix-map=$(CURDIR)=. $(LIB_CFLAGS)
ALL_LDFLAGS = -pie $(HARD_LINK) $(LDFLAGS)

# Sorted, as the order of objects is that of the program's parts.
SOURCES     := $(sort $(wildcard daemon/*.c daemon/*/*.c))
OBJECTS     := $(SOURCES:%.c=$(BUILD)/%.o)
LIBOBJECTS  := $(filter-out $(BUILD)/daemon/main.o,$(OBJECTS))
UNIT_TESTS  := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*_test.c tests/unit/*/*_test.c))
TEST_TOOLS  := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/tools/*.c))
BENCHES     := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/*.c))
BENCH_PARTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/bench/parts/*.c))
SUPPORT     := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))
FUZZERS     := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/*_fuzz.c))

HEADERS     := $(wildcard kmod/*.h daemon/*.h daemon/*/*.h tests/*/*.h tests/*/*/*.h)
C_FILES     := $(SOURCES) kmod/smtpbody_bpf.c $(wildcard tests/*/*.c tests/unit/*/*.c tests/bench/parts/*.c)

.PHONY: all help deps test-deps dev-deps run demo check check-full check-sanitized lib unit tools layers lint analyze valgrind reproducible \
        fuzz coverage bench bench-parts bench-record kmod kmod-tests kmod-install kmod-lint install uninstall clean FORCE
all: $(BUILD)/hopguard

help:
	@echo 'make              build build/hopguard'
	@echo 'make run          guard this machine now (monitor, fail-open); Ctrl-C ends it; ARGS=... for `hopguard run`'
	@echo 'make demo         see a downgrade attack, and see it refused, within a minute'
	@echo 'make check        every test but the long ones; ends with "N passed, N failed, N skipped"'
	@echo 'make check-full   every cell of the lab (hours)'
	@echo 'make unit         unit tests; layers: who may include whom, sizes; lint: format, clang-tidy, cppcheck, mandoc'
	@echo 'make fuzz         every fuzz target for SECONDS=10; coverage: which lines the tests reach (minutes)'
	@echo 'make check-sanitized  check with AddressSanitizer and UndefinedBehaviorSanitizer; SANITIZE=... builds with any'
	@echo 'make valgrind     unit tests under memcheck (an hour), PROGRAMS="..." some; analyze: gcc -fanalyzer (minutes)'
	@echo 'make reproducible builds everything twice, and compares (minutes)'
	@echo 'make bench        what mail costs through hopguard, side by side with other ways (20 minutes; OPTIONS=--quick: two)'
	@echo 'make bench-record instructions of a packet, as make check compares with; bench-parts: single parts of the program'
	@echo 'make kmod         the kernel module, see kmod/README.md; kmod-install; KERNEL_HEADERS=... where headers are'
	@echo 'make deps         what building and running need; test-deps: what tests and demo need; dev-deps: lint, fuzz, valgrind'
	@echo 'make install      also uninstall; DESTDIR, PREFIX=/usr/local, SYSCONFDIR=/etc'
	@echo 'make clean'

# Missing packages only; none of them starts a service.
deps:
	$(Q)if command -v apt-get >/dev/null; then \
		present=$$(dpkg-query -W -f '$${db:Status-Status} $${Package}\n' $(DEPS_APT) 2>/dev/null | \
			sed -n 's/^installed //p'); \
		missing=$$(printf '%s\n' $(DEPS_APT) | grep -vxF "$$present" || true); \
		[ -n "$$missing" ] || exit 0; \
		echo "deps: installing" $$missing; \
		if [ "$$(id -u)" != 0 ]; then echo "deps: needs root"; exit 4; fi; \
		install="apt-get install -y -qq --no-install-recommends --no-remove"; \
		export DEBIAN_FRONTEND=noninteractive; mkdir -p build; \
		$$install $$missing >build/apt.log 2>&1 || \
			{ apt-get update -qq && $$install $$missing >build/apt.log 2>&1; } || \
			{ cat build/apt.log; exit 4; }; \
	else \
		echo "deps: no apt here; these packages are needed:"; \
		echo "  dnf install $(DEPS_DNF)"; \
		echo "  apk add $(DEPS_APK)"; \
	fi

test-deps: | deps
	$(Q)tests/test-deps.sh

dev-deps: | deps
	$(Q)tests/test-deps.sh developer

# The other targets begin only when the libraries are there: pkg-config is asked by a make of its own.
SUBMAKE      = $(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

# However it ends, the rules are taken out again.
run: deps
	$(Q)$(SUBMAKE) all
	$(Q)exec $(BUILD)/hopguard run --remove-rules $(ARGS)

demo: deps test-deps
	$(Q)$(SUBMAKE) all
	$(Q)tests/lab/demo

check check-full: deps test-deps layers
	$(Q)$(SUBMAKE) all programs kmod-tests
	$(if $(filter check-full,$@),$(if $(SUITES),,$(Q)$(SUBMAKE) analyze))
	$(if $(filter check-full,$@),$(if $(SUITES),,$(Q)tests/reproducible.sh))
	$(Q)$(PYTHON) tests/run.py --build $(BUILD) $(if $(filter check-full,$@),--full) $(SUITES)

# The objects have a folder of their own.
check-sanitized:
	$(Q)$(MAKE) --no-print-directory check SANITIZE=address,undefined

# The kernel module: what this kernel's build folder, or else that of the newest headers, makes of kmod/Kbuild. Each kernel's is built from
# copies in a folder of its own, whose name is the kernel's release.
RUNNING     := /lib/modules/$(shell uname -r)/build
KERNEL_HEADERS ?= $(or $(wildcard $(RUNNING)),$(patsubst %/Module.symvers,%,$(lastword \
               $(shell ls -d /lib/modules/*/build/Module.symvers /usr/src/linux-headers-*/Module.symvers 2>/dev/null | sort -V))))
KMOD_SOURCES := kmod/Kbuild $(addprefix kmod/,match.c flows.c flows.h control.c smtpbody_scan.h xt_smtpbody.h)
EXTENSION   := build/kmod/libxt_smtpbody.so
# Without pahole there is no BTF, which nothing of ours reads.
KBUILD_FLAGS = --no-print-directory $(if $(V),,-s) $(if $(shell command -v pahole),,CONFIG_DEBUG_INFO_BTF_MODULES=)

kmod: $(EXTENSION)
	$(Q)[ -n "$(KERNEL_HEADERS)" ] || { echo "kmod: no kernel headers; KERNEL_HEADERS= says where they are"; exit 4; }
	$(Q)for headers in $(abspath $(KERNEL_HEADERS)); do \
		release=$$(sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $$headers/include/generated/utsrelease.h) && [ -n "$$release" ] && mkdir -p build/kmod/$$release && \
		cp -pu $(KMOD_SOURCES) build/kmod/$$release && \
		$(MAKE) -C $$headers M=$(CURDIR)/build/kmod/$$release $(KBUILD_FLAGS) modules && \
		$(if $(V),:,echo "  KMOD  build/kmod/$$release/xt_smtpbody.ko") || exit 1; done

# For the kernels that tests/vm boots, where there are any.
KERNELS      = $(wildcard build/test-servers/kernel-*/usr/src/linux-headers-*-amd64)
kmod-tests:
	$(if $(KERNELS),$(Q)$(MAKE) --no-print-directory kmod KERNEL_HEADERS="$(KERNELS)")

$(EXTENSION): kmod/libxt_smtpbody.c kmod/xt_smtpbody.h Makefile
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC    $<")
	$(Q)$(CC) -std=c11 $(WARNINGS) -O2 -fPIC -shared $(shell pkg-config --cflags xtables) $(HARD_LINK) -o $@ $<

# xt_smtpbody for DKMS, which builds it for each kernel that is installed, is kmod/ itself. Where the kernel's own modules are not, as in a
# package that is being made, no list of modules is written: it would take the place of the kernel's.
kmod-install: kmod
	$(Q)for headers in $(abspath $(KERNEL_HEADERS)); do \
		release=$$(sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $$headers/include/generated/utsrelease.h) && [ -n "$$release" ] && \
		$(INSTALL) -m 0644 build/kmod/$$release/xt_smtpbody.ko $(DESTDIR)/lib/modules/$$release/updates/xt_smtpbody.ko || exit 1; \
		if [ -e $(DESTDIR)/lib/modules/$$release/modules.order ]; then \
			PATH=$$PATH:/usr/sbin:/sbin depmod $(if $(DESTDIR),-b $(DESTDIR)) $$release || exit 1; fi; done
	$(Q)$(INSTALL) -m 0644 $(EXTENSION) $(DESTDIR)$(shell pkg-config --variable=xtlibdir xtables)/$(notdir $(EXTENSION))
	$(Q)$(INSTALL) -m 0644 kmod/xt_smtpbody.8 $(DESTDIR)$(MANDIR)/man8/xt_smtpbody.8

# The kernel's own; Debian has it with the kernel's source alone, from which it is fetched.
CHECKPATCH  ?= build/test-servers/checkpatch/checkpatch.pl
$(CHECKPATCH):
	$(Q)tests/vm/checkpatch.sh

kmod-lint: $(CHECKPATCH)
	$(Q)for file in $(wildcard kmod/*.[ch]); do cd $(CURDIR)/build && perl $(abspath $(CHECKPATCH)) --no-tree --strict --quiet --terse \
		--root=$(dir $(abspath $(CHECKPATCH))) --max-line-length=132 --ignore CAMELCASE,BIT_MACRO -f ../$$file || exit 1; done

lib: $(BUILD)/libhopguard.a

$(BUILD)/hopguard: $(BUILD)/daemon/main.o $(BUILD)/libhopguard.a
	@$(if $(V),,echo "  LD    $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LDLIBS)

$(BUILD)/libhopguard.a: $(LIBOBJECTS)
	$(Q)rm -f $@ && $(AR) rcsD $@ $^

# Changes when objects must be built again.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo "$(CC) $(HARDENING) $(CFLAGS) $(VERSION) $(SYSCONFDIR)" | cmp -s - $@ || \
		echo "$(CC) $(HARDENING) $(CFLAGS) $(VERSION) $(SYSCONFDIR)" >$@

$(BUILD)/%.o: %.c Makefile $(BUILD)/flags
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC    $<")
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Debug information is not loaded, but names of types are.
$(BPF_OBJECT): kmod/smtpbody_bpf.c Makefile $(BUILD)/flags
	@mkdir -p $(@D)
	@$(if $(V),,echo "  BPF   $<")
	$(Q)if command -v $(CLANG) >/dev/null; then \
		$(CLANG) $(BPF_FLAGS) -MMD -MP -c -o $@ $<; \
	else \
		echo "  no $(CLANG): built without the eBPF program (message bodies are not passed in the kernel by it)"; : >$@; \
	fi
$(patsubst %,%/daemon/net/passage_load.o,$(BUILD) build/fuzz build/coverage build/analyze): $(BPF_OBJECT)

# One program per unit test: build/tests/unit/wire/packet_test
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(SUPPORT) $(BUILD)/libhopguard.a
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(LIB_LDLIBS)

BODY_SUPPORT := $(patsubst %,$(BUILD)/tests/support/body_%.o,oracle segments)

# Programs that the lab runs beside the daemon: build/tests/tools/scout_ask
$(BUILD)/tests/tools/%: $(BUILD)/tests/tools/%.o $(BODY_SUPPORT) $(BUILD)/libhopguard.a
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LDLIBS)

# What the program costs, measured: build/tests/bench/gate_bench
$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(BENCH_PARTS) $(BUILD)/libhopguard.a
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LDLIBS)

# Side by side with a gateway that only forwards; needs root. OPTIONS="--quick" or others of tests/bench/bench.py, RECORD=1 writes
# docs/performance.md. bench-parts: single parts of the program, for themselves.
OPTIONS     ?=
bench: deps test-deps
	$(Q)$(SUBMAKE) all programs
	$(Q)$(PYTHON) tests/bench/bench.py $(OPTIONS) $(if $(RECORD),--record)

bench-parts: $(filter %_bench,$(BENCHES))
	$(Q)for b in $^; do $$b || exit 1; done

# What tests/lab/test_instructions.py compares with; only where it has to be more, and the commit says why.
bench-record: $(BUILD)/tests/bench/count_packets
	$(Q)$(PYTHON) tests/bench/instructions.py --build $(BUILD) --record

tools: $(TEST_TOOLS)

# Everything that the tests run.
.PHONY: programs unit-programs
programs: unit-programs $(TEST_TOOLS) $(BENCHES)
unit-programs: $(UNIT_TESTS)

unit: $(UNIT_TESTS)
	$(Q)status=0; for t in $^; do $$t || status=1; done; exit $$status

# Fuzz targets: clang, sanitizers, and only those objects that a target needs.
SECONDS     ?= 10
FUZZ_FLAGS  := -std=c11 -g -O2 -fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZ_WRAPPED := LLVMFuzzerTestOneInput $(patsubst %,__sanitizer_cov_trace_%,switch $(foreach n,1 2 4 8,cmp$(n) const_cmp$(n)))
FUZZ_OBJECTS := $(patsubst %.c,build/fuzz/%.o,$(filter-out daemon/main.c,$(SOURCES)))

build/fuzz/daemon/%.o: daemon/%.c Makefile
	@mkdir -p $(@D)
	@$(if $(V),,echo "  FUZZ  $<")
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link $(LIB_CFLAGS) -MMD -MP -c -o $@ $<

# Thin, so that the linker's map has the paths of what it took.
build/fuzz/libhopguard.a: $(FUZZ_OBJECTS)
	$(Q)rm -f $@ && $(AR) rcsT $@ $^

# What it compares guides nobody: it would be told of each octet that a model looks at.
build/fuzz/%_fuzz.o: tests/fuzz/%_fuzz.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize-coverage=inline-8bit-counters,pc-table $(LIB_CFLAGS) -MMD -MP -c -o $@ $<

build/fuzz/config_fuzz build/coverage/fuzz/config_fuzz: WRAPPED := calloc free

build/fuzz/each_input.o: tests/fuzz/each_input.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) -std=c11 -g -O2 $(WARNINGS) -MMD -MP -c -o $@ $<

build/fuzz/%_fuzz: build/fuzz/%_fuzz.o build/fuzz/each_input.o build/fuzz/libhopguard.a
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer $(FUZZ_WRAPPED:%=-Wl,--wrap=%) $(WRAPPED:%=-Wl,--wrap=%) -Wl,-Map=$@.map -o $@ $^ $(LIB_LDLIBS)

# Each target for SECONDS; TARGETS="a b" runs those, JOBS=2 two at a time, RECORD=1 adds up in docs/fuzzing.md. What
# fails lies in build/fuzz/NAME-crash-…, what was learned in build/fuzz/corpus/NAME.
TARGETS     ?=
JOBS        ?= 1
fuzz: $(if $(TARGETS),$(TARGETS:%=build/fuzz/%_fuzz),$(FUZZERS))
	$(Q)$(PYTHON) tests/fuzz/campaign.py --seconds $(SECONDS) --jobs $(JOBS) $(if $(RECORD),--record) $(TARGETS)

# Lines of each file that unit tests and seeds reach: fails where a file of PARSERS falls short. The program under test is
# one shared library, so that one file has the counters of all tests.
PARSERS     := $(wildcard daemon/wire/*.c daemon/policy/certificate*.c) $(addprefix daemon/, \
               active/starttls_chain.c active/starttls_replies.c active/tls_shape.c base/address.c base/armor.c base/nat64.c \
               base/rfc3339.c base/utf8.c cli/check_agreement.c cli/check_exchange.c cli/check_zones.c \
               cli/replay_capture.c config.c config_confuse.c config_hint.c config_scan.c config_table.c config_warning.c \
               enforce/rules_iptables_read.c flow/dns_questions.c flow/dns_streams.c flow/session.c flow/session_body.c \
               flow/session_client.c flow/session_flight.c flow/session_handshake.c flow/session_path.c flow/session_rest.c \
               flow/session_server.c flow/session_split.c flow/session_tls.c flow/stream.c message_sound.c policy/dane.c \
               policy/dane_host.c policy/dns_check.c policy/dns_signature.c policy/heard.c policy/heard_items.c \
               policy/key_exchange_signature.c policy/local_entry.c policy/local_read.c policy/mtasts_lookup.c \
               policy/mtasts_tls.c policy/mtasts_transfer.c policy/mx_pattern.c policy/peer_names.c policy/policy_list.c \
               policy/postfix_table.c policy/reverse.c policy/tlsa.c policy/watch_list.c probe_request.c queue_room.c \
               report/control_protocol.c report/event_text.c report/explain_key.c report/explain_page.c report/explain_text.c \
               report/object.c report/status_page.c report/store_rows.c row_batch.c signature.c verdict/key_rule.c \
               verdict/sound.c)
COVER       := build/coverage
COVER_FLAGS := -std=c11 -g -O1 -fPIC
COVER_LIB    = -L$(COVER) -lhopguard -Wl,-rpath,$(CURDIR)/$(COVER)
COVER_OBJECTS := $(patsubst %.c,$(COVER)/%.o,$(filter-out daemon/main.c,$(SOURCES)))
COVER_TESTS := $(UNIT_TESTS:$(BUILD)/%=$(COVER)/%)
COVER_FUZZERS := $(FUZZERS:build/fuzz/%=$(COVER)/fuzz/%)

$(COVER)/daemon/%.o: daemon/%.c Makefile
	@mkdir -p $(@D)
	@$(if $(V),,echo "  COVER $<")
	$(Q)$(CLANG) $(CPPFLAGS) $(COVER_FLAGS) -fprofile-instr-generate -fcoverage-mapping $(LIB_CFLAGS) -MMD -MP -c -o $@ $<

$(COVER)/libhopguard.so: $(COVER_OBJECTS)
	$(Q)$(CLANG) -shared -fprofile-instr-generate -o $@ $^ $(LIB_LDLIBS)

# The library is linked when they run: another one needs no new tests.
$(COVER)/tests/%: tests/%.c $(SUPPORT:$(BUILD)/%.o=%.c) | $(COVER)/libhopguard.so
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) $(COVER_FLAGS) $(LIB_CFLAGS) -MMD -MP -MF $@.d -o $@ $(filter %.c,$^) -lcmocka $(COVER_LIB) $(LIB_LDLIBS)

$(COVER)/fuzz/%_fuzz: tests/fuzz/%_fuzz.c | $(COVER)/libhopguard.so
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) $(COVER_FLAGS) -fsanitize=fuzzer $(LIB_CFLAGS) $(WRAPPED:%=-Wl,--wrap=%) -MMD -MP -MF $@.d -o $@ $< \
		$(COVER_LIB) $(LIB_LDLIBS)

coverage: $(COVER_TESTS) $(COVER_FUZZERS)
	$(Q)$(PYTHON) tests/coverage.py --build $(COVER) $(PARSERS)

layers:
	$(Q)awk -f tests/layers.awk daemon/LAYERS daemon/*.[ch] daemon/*/*.[ch]
	$(Q)awk -f tests/sizes.awk $(C_FILES) $(HEADERS)

# Each C file by itself, so that `make -j lint` uses every core and a second run only what changed.
TIDY        := $(patsubst %.c,build/lint/%.tidy,$(C_FILES))
CPPCHECK    := --std=c11 --quiet --error-exitcode=1 --inline-suppr --enable=warning,performance,portability \
               --suppress=missingIncludeSystem --suppress=unknownMacro -Idaemon -Itests -D_GNU_SOURCE -j 2

# The eBPF program is read as what it is compiled to.
TIDY_FLAGS  = -std=c11 $(CPPFLAGS) $(LIB_CFLAGS)
build/lint/kmod/smtpbody_bpf.tidy: TIDY_FLAGS = $(BPF_FLAGS)
# Not said in the sources, on which counts of executions hang: the analyzer does not see that what lies outside exact_copy()'s room was
# allocated (AddressSanitizer does), and an entry is compared with a copy of it, octet by octet.
build/lint/tests/fuzz/%_fuzz.tidy: UNTIDY = -clang-analyzer-unix.Malloc
build/lint/tests/fuzz/local_entry_fuzz.tidy: UNTIDY = -bugprone-suspicious-memory-comparison,-cert-exp42-c,-cert-flp37-c

build/lint/%.tidy: %.c .clang-tidy $(HEADERS)
	@mkdir -p $(@D)
	@$(if $(V),,echo "  TIDY  $<")
	$(Q)clang-tidy --quiet --warnings-as-errors='*' $(UNTIDY:%=--checks=%) $< -- $(TIDY_FLAGS) 2>$@.log || \
		{ cat $@.log; exit 1; }
	@touch $@

lint: layers kmod-lint $(TIDY)
	$(Q)clang-format --dry-run -Werror $(C_FILES) $(HEADERS) $(wildcard kmod/*.c)
	$(Q)cppcheck $(CPPCHECK) $(C_FILES)
	$(Q)mandoc -T lint -W warning $(wildcard docs/*.5 docs/*.8)

# What the compiler itself finds on every path through a file; all of it is an error. Not optimised: the paths are those of the source.
ANALYZED    := $(SOURCES:%.c=build/analyze/%.o)

# gcc 12 does not see that a group has the member by which it is named, that as many hosts were written as are counted, that there is
# no room without a message, nor what hangs from the end of a list. There memcheck and sanitizers alone look for such mistakes.
build/analyze/daemon/policy/certificate.o: UNANALYZED := -Wno-analyzer-null-dereference
build/analyze/daemon/policy/heard.o: UNANALYZED := -Wno-analyzer-use-of-uninitialized-value
build/analyze/daemon/flow/dns_streams.o: UNANALYZED := -Wno-analyzer-null-argument
build/analyze/daemon/probes.o: UNANALYZED := -Wno-analyzer-malloc-leak

build/analyze/%.o: %.c Makefile
	@mkdir -p $(@D)
	@$(if $(V),,echo "  ANALYZE $<")
	$(Q)$(CC) $(CPPFLAGS) -std=c11 -O0 -Werror -fanalyzer $(UNANALYZED) $(LIB_CFLAGS) -MMD -MP -c -o $@ $<

analyze: $(ANALYZED)

# Built without the C library's own checks, which would end a program before memcheck says why, and with processes whose files and
# system calls are not confined (tests/support/unconfined.c).
PROGRAMS    ?=
valgrind:
	$(Q)$(SUBMAKE) BUILD=build/valgrind HARDENING=-fPIE CFLAGS='-O1 -g' \
		LDFLAGS='-Wl,--wrap=sandbox_calls_enter -Wl,--wrap=sandbox_files_enter' unit-programs
	$(Q)$(PYTHON) tests/valgrind.py --build build/valgrind $(PROGRAMS)

reproducible: deps
	$(Q)tests/reproducible.sh

INSTALL     := install -D
PAGES       := $(wildcard docs/*.5 docs/*.8)
UNITS       := $(wildcard systemd/*.service)
SYSUSERS    := $(wildcard systemd/*sysusers*)
TMPFILES    := $(wildcard systemd/*tmpfiles*)

install: all
	$(Q)$(INSTALL) -m 0755 $(BUILD)/hopguard $(DESTDIR)$(SBINDIR)/hopguard
	$(Q)for page in $(PAGES); do \
		$(INSTALL) -m 0644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit 1; done
	$(Q)for unit in $(UNITS); do \
		sed 's|@SBINDIR@|$(SBINDIR)|g' $$unit | \
			$(INSTALL) -m 0644 /dev/stdin $(DESTDIR)$(LIBDIR)/systemd/system/$${unit##*/} || exit 1; done
	$(Q)$(INSTALL) -m 0644 $(SYSUSERS) $(DESTDIR)$(LIBDIR)/sysusers.d/hopguard.conf
	$(Q)$(INSTALL) -m 0644 $(TMPFILES) $(DESTDIR)$(LIBDIR)/tmpfiles.d/hopguard.conf
	$(Q)for file in $(wildcard rules/*); do \
		$(INSTALL) -m 0644 $$file $(DESTDIR)$(DATADIR)/$$file || exit 1; done
	$(Q)$(INSTALL) -m 0644 docs/hopguard.conf.example $(DESTDIR)$(DATADIR)/hopguard.conf.example
	$(Q)[ -e $(DESTDIR)$(SYSCONFDIR)/hopguard/hopguard.conf ] || \
		$(INSTALL) -m 0644 docs/hopguard.conf.example $(DESTDIR)$(SYSCONFDIR)/hopguard/hopguard.conf
ifeq ($(DESTDIR),)
	$(Q)if [ -d /run/systemd/system ]; then systemd-sysusers $(LIBDIR)/sysusers.d/hopguard.conf && \
		systemd-tmpfiles --create $(LIBDIR)/tmpfiles.d/hopguard.conf && systemctl daemon-reload; fi
endif

# The configuration and the state stay.
uninstall:
	$(Q)rm -f $(DESTDIR)$(SBINDIR)/hopguard $(DESTDIR)$(LIBDIR)/sysusers.d/hopguard.conf \
		$(DESTDIR)$(LIBDIR)/tmpfiles.d/hopguard.conf \
		$(UNITS:systemd/%=$(DESTDIR)$(LIBDIR)/systemd/system/%) \
		$(foreach page,$(PAGES),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(notdir $(page)))
	$(Q)rm -rf $(DESTDIR)$(DATADIR)

clean:
	$(Q)rm -rf build

-include $(BPF_OBJECT:.o=.d) $(OBJECTS:.o=.d) $(SUPPORT:.o=.d) $(UNIT_TESTS:=.d) $(TEST_TOOLS:=.d) $(BENCHES:=.d) $(BENCH_PARTS:.o=.d) $(FUZZ_OBJECTS:.o=.d) \
         $(FUZZERS:=.d) $(COVER_OBJECTS:.o=.d) $(COVER_TESTS:=.d) $(COVER_FUZZERS:=.d) $(ANALYZED:.o=.d)
.SECONDARY:
