#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# netplan 0.106 and NetworkManager 1.42.4 (Debian 12) hand each other profiles in NetworkManager's keyfiles and read
# an SSID in them by two rules. NetworkManager puts a backslash before each ; of an SSID, and the file's own escape
# before that; netplan undoes only the file's, so the network of "Tea; Cake" has a backslash in its name in netplan's
# YAML. (NetworkManager takes it out when it is given it back, nobody else does.) An SSID that is no UTF-8 is a list
# of numbers for NetworkManager, and for netplan the digits are the name. The other way, netplan escapes no ;, and a
# name that looks like such a list is read as the bytes. The passphrase comes through whole.
# Needs apt-get and dpkg of Debian 12, and python3. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root network-manager=1.42.4-1+deb12u1 libnm0=1.42.4-1+deb12u1 \
    netplan.io=0.106-2+deb12u1 libnetplan0=0.106-2+deb12u1 libbluetooth3 libndp0 libnewt0.52 libteamdctl0 \
    libmm-glib0 libjansson4 libpsl5 libcurl3-gnutls libaudit1 libslang2 libglib2.0-0 libyaml-0-2
for deb in ./*.deb; do
    dpkg -x "$deb" .
done
LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
cat >load.py <<'END'
# what netplan makes of a keyfile, as YAML; NetworkManager calls the same functions where netplan is built into it
import ctypes, os, sys

netplan = ctypes.CDLL("libnetplan.so.0.0")
netplan.netplan_parser_new.restype = netplan.netplan_state_new.restype = ctypes.c_void_p
parser, state = (ctypes.c_void_p(new()) for new in (netplan.netplan_parser_new, netplan.netplan_state_new))
error = ctypes.byref(ctypes.c_void_p())
assert netplan.netplan_parser_load_keyfile(parser, sys.argv[1].encode(), error)
assert netplan.netplan_state_import_parser_results(state, parser, error)
file = os.open("yaml", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
assert netplan.netplan_state_dump_yaml(state, file, error)
lines = open("yaml").read().split("\n")
print("netplan", lines[lines.index("      access-points:") + 1].strip(),
      *(line.strip() for line in lines if "password" in line))
END
netplan_reads() {  # what NetworkManager writes
    usr/bin/nmcli --offline connection add type wifi con-name it ifname wlan0 ssid "$1" \
        wifi-sec.key-mgmt wpa-psk wifi-sec.psk ' with; \ all' >it.nmconnection
    chmod 600 it.nmconnection
    printf 'NetworkManager %s %s\n' "$(grep ^ssid it.nmconnection)" "$(grep ^psk it.nmconnection)"
    python3 load.py it.nmconnection
}
networkmanager_reads() {  # what netplan writes
    mkdir -p etc/netplan
    cat >etc/netplan/it.yaml <<END
network: {version: 2, renderer: NetworkManager, wifis: {wlan0: {access-points: {"$1": {password: a passphrase}}}}}
END
    chmod 600 etc/netplan/it.yaml
    rm -rf run
    usr/libexec/netplan/generate --root-dir "$folder"
    echo "netplan $(grep -h ^ssid run/NetworkManager/system-connections/*)"
    cat run/NetworkManager/system-connections/* |
        usr/bin/nmcli --offline connection modify connection.id it | sed -n 's/^ssid/NetworkManager ssid/p'
}
said=$(
    usr/bin/nmcli --version
    netplan_reads 'Tea Cake'
    netplan_reads 'Tea; Cake'
    netplan_reads "$(printf 'Caf\351')"
    networkmanager_reads '72;111;109;101;'
)
printf '%s\n' "$said"
[ "$said" = 'nmcli tool, version 1.42.4
NetworkManager ssid=Tea Cake psk=\swith; \\ all
netplan "Tea Cake": password: " with; \\ all"
NetworkManager ssid=Tea\\; Cake psk=\swith; \\ all
netplan "Tea\\; Cake": password: " with; \\ all"
NetworkManager ssid=67;97;102;233; psk=\swith; \\ all
netplan "67;97;102;233;": password: " with; \\ all"
netplan ssid=72;111;109;101;
NetworkManager ssid=Home' ]
