# SPDX-License-Identifier: GPL-2.0-or-later
# Reads daemon/LAYERS, then every source; fails on an include that the layers forbid.

FNR == NR {
	if ($0 ~ /^#/ || NF == 0)
		next
	folder = $1
	sub(/:$/, "", folder)
	known[folder] = 1
	for (i = 2; i <= NF; i++)
		may[folder, $i] = 1
	next
}

FNR == 1 {
	folder = FILENAME
	sub(/^daemon\//, "", folder)
	folder = folder ~ /\// ? substr(folder, 1, index(folder, "/") - 1) : "."
	if (!(folder in known)) {
		printf "%s: folder %s is not in daemon/LAYERS\n", FILENAME, folder
		bad = 1
	}
}

/^#[ \t]*include[ \t]*"/ {
	target = $0
	sub(/^[^"]*"/, "", target)
	sub(/".*/, "", target)
	target = target ~ /\// ? substr(target, 1, index(target, "/") - 1) : "."
	if (target == folder || (folder, "*") in may || (folder, target) in may)
		next
	printf "%s:%d: %s may not include %s\n", FILENAME, FNR, folder, target
	bad = 1
}

# Third-party headers have one home each.
/^#[ \t]*include[ \t]*</ {
	header = $0
	sub(/^[^<]*</, "", header)
	sub(/>.*/, "", header)
	home = ""
	if (header ~ /^libmnl\// || header ~ /^libnetfilter_queue\//) home = "^daemon/net/"
	else if (header ~ /^ldns\//) home = "^daemon/policy/dns_signature"
	else if (header ~ /^unbound/) home = "^daemon/policy/resolver"
	else if (header ~ /^openssl\//) home = "^daemon/(policy/certificate|policy/key_exchange_signature|policy/mtasts_tls|active/)"
	else if (header ~ /^jansson/) home = "^daemon/(policy/policy_list|report/|cli/)"
	else if (header ~ /^confuse/) home = "^daemon/config"
	else if (header ~ /^idn2/) home = "^daemon/policy/peer_names"
	else if (header ~ /^pcap/) home = "^daemon/cli/replay"
	else if (header ~ /^bpf\//) home = "^daemon/net/passage_load"
	else if (header ~ /^seccomp/) home = "^daemon/base/sandbox"
	else if (header ~ /^sqlite3/) home = "^daemon/report/store"
	else if (header ~ /^systemd\//) home = "^daemon/(supervisor|watchdog)"
	else if (header ~ /^curl\//) home = "^daemon/policy/mtasts"
	if (home != "" && FILENAME !~ home) {
		printf "%s:%d: <%s> belongs to %s\n", FILENAME, FNR, header, home
		bad = 1
	}
}

END { exit bad }
