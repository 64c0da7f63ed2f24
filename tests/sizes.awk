# SPDX-License-Identifier: GPL-2.0-or-later
# Fails on a file that has not less than 500 lines, and on a function that has not less than 60.

function end_file() {
	if (file != "" && lines >= 500) {
		printf "%s: %d lines\n", file, lines
		bad = 1
	}
}

FNR == 1 {
	end_file()
	file = FILENAME
	start = 0
}

{ lines = FNR }

/^\{/ { start = FNR }

/^\}/ {
	if (start && FNR - start + 1 >= 60) {
		printf "%s:%d: a function of %d lines\n", FILENAME, start, FNR - start + 1
		bad = 1
	}
	start = 0
}

END {
	end_file()
	exit bad
}
