# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# A stand-in for base-files' /lib/functions.sh: what maintainer scripts and wpsd's own scripts use of it. In all of
# that 24.10's and main's do the same; main's alone empties LuCI's cache by its present name.

# -- installing and removing: opkg's scripts are told who calls, /usr/lib/opkg/info/<package>.<which>; those of apk
# have $pkgname, look after the group by themselves, and have the package's own part at their end

belonging_to() {
	package=${pkgname:-$(basename "${1%.*}")}
	info=$IPKG_INSTROOT/usr/lib/opkg/info/$package
	about=$IPKG_INSTROOT/lib/apk/packages/$package
	list=$info.list
	[ ! -f "$about.list" ] || list=$about.list
}

listed_below() {
	grep -s "^$1" "$list"
}

init_script() {
	if [ -n "$IPKG_INSTROOT" ]; then
		sh "$IPKG_INSTROOT/etc/rc.common" "$IPKG_INSTROOT$1" "$2"
	else
		"$1" "$2"
	fi
}

add_group_and_user() {
	belonging_to "$1"
	group=$(sed -n 's/^Require-User: *:\([^ =]*\).*/\1/p' "$info.control" 2>/dev/null)
	[ ! -f "$about.rusers" ] || group=$(sed -n 's/^:\([^ =]*\).*/\1/p' "$about.rusers")
	if [ -n "$group" ] && ! grep -qs "^$group:" "$IPKG_INSTROOT/etc/group"; then
		id=32768
		while cut -d: -f3 "$IPKG_INSTROOT/etc/group" | grep -qx "$id"; do
			id=$((id + 1))
		done
		echo "$group:x:$id:" >>"$IPKG_INSTROOT/etc/group"
	fi
}

default_postinst() {
	belonging_to "$1"
	[ ! -f "$info.list" ] || add_group_and_user "$1"
	if [ -z "$IPKG_INSTROOT" ]; then
		for file in $(listed_below /etc/uci-defaults/); do
			# shellcheck source=/dev/null
			[ ! -f "$file" ] || { (cd /etc/uci-defaults && . "$file") && rm -f "$file"; }
		done
		! listed_below /etc/uci-defaults/ >/dev/null || uci commit # whatever anybody has staged
	fi
	result=0
	if [ -f "$info.postinst-pkg" ]; then
		# shellcheck source=/dev/null
		(. "$info.postinst-pkg") || result=$?
	fi
	for script in $(listed_below /etc/init.d/); do
		if [ -n "$IPKG_INSTROOT" ]; then
			init_script "$script" enable
		else
			[ "$PKG_UPGRADE" = 1 ] || init_script "$script" enable
			init_script "$script" start
		fi
	done
	return "$result"
}

default_prerm() {
	belonging_to "$1"
	result=0
	if [ -f "$info.prerm-pkg" ]; then
		# shellcheck source=/dev/null
		(. "$info.prerm-pkg") || result=$?
	fi
	for script in $(listed_below /etc/init.d/); do
		if [ -n "$IPKG_INSTROOT" ]; then
			init_script "$script" disable
		else
			[ "$PKG_UPGRADE" = 1 ] || init_script "$script" disable
			init_script "$script" stop
		fi
	done
	return "$result"
}

# -- UCI: `config_load` makes shell variables of a file, which is shell syntax as long as nothing in it is odd

# shellcheck disable=SC2317 # the file that is read calls these
config_load() {
	[ -z "$IPKG_INSTROOT" ] || return 0
	sections=
	config() {
		section=${2:-cfg$(echo "$sections" | wc -w)}
		sections="$sections $section"
		eval "config_${section}_TYPE=\$1"
	}
	option() { eval "config_${section}_$1=\$2"; }
	list() {
		eval "count=\$((\${config_${section}_$1_count:-0} + 1))"
		# shellcheck disable=SC2154 # eval has set it
		eval "config_${section}_$1_count=$count config_${section}_$1_$count=\$2"
		eval "config_${section}_$1=\"\${config_${section}_$1:+\$config_${section}_$1 }\$2\""
	}
	# shellcheck source=/dev/null
	[ ! -f "/etc/config/$1" ] || . "/etc/config/$1"
}

config_get() {
	eval "$1=\${config_$2_$3:-\$4}"
}

config_get_bool() {
	config_get "$@"
	eval "bool=\$$1"
	# shellcheck disable=SC2154 # eval has set it
	case "$bool" in
		1 | on | true | yes | enabled) eval "$1=1" ;;
		0 | off | false | no | disabled) eval "$1=0" ;;
		*) eval "$1=\$4" ;;
	esac
}

config_list_foreach() {
	eval "last=\${config_$1_$2_count:-0}"
	number=1
	# shellcheck disable=SC2154 # eval has set it
	while [ "$number" -le "$last" ]; do
		eval "\"\$3\" \"\$config_$1_$2_$number\""
		number=$((number + 1))
	done
}

config_foreach() {
	for each in $sections; do
		eval "[ \"\$config_${each}_TYPE\" != \"$2\" ]" || "$1" "$each"
	done
}
