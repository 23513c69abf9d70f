#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Two libraries choose the base of an address by the digits that happen to be in it. netaddr 1.3.0 (PyPI) reads 16
# hexadecimal digits as the EUI-64 that they are if one of them is a letter; without a letter they are a decimal
# number, and the answer is an EUI-48 that nobody wrote. (12 digits are right.) Net::MAC 2.103622 (Debian 12) reads
# six decimal numbers with dots, as SNMP's tables of addresses are indexed, as decimal if one of them has three
# digits, else as hexadecimal. Nothing is raised, and most addresses that one tries are read well.
# Needs python3, pip, apt-get and dpkg of Debian 12, and perl. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --target . netaddr==1.3.0 2>/dev/null
apt-get download -qq -o APT::Sandbox::User=root libnet-mac-perl=2.103622-3
dpkg -x ./*.deb .
said=$(
    PYTHONPATH=. python3 - <<'END'
from importlib.metadata import version
from netaddr import EUI

print("netaddr", version("netaddr"))
for digits in ("02000000000a", "020000000007", "020000fffe00000a", "0200000000000007"):
    print(digits, EUI(digits))
END
    perl -Iusr/share/perl5 -MNet::MAC - <<'END'
print "Net::MAC ", Net::MAC->VERSION, "\n";
for my $index ("2.0.94.0.83.175", "2.0.94.0.83.75") {
    my $read = Net::MAC->new(mac => $index);
    print "$index ", $read->convert(base => 16, bit_group => 8, delimiter => "-")->get_mac, "\n";
}
END
)
printf '%s\n' "$said"
[ "$said" = 'netaddr 1.3.0
02000000000a 02-00-00-00-00-0A
020000000007 02-00-00-00-00-07
020000fffe00000a 02-00-00-FF-FE-00-00-0A
0200000000000007 B5-E6-20-F4-80-07
Net::MAC 2.103622
2.0.94.0.83.175 02-00-5e-00-53-af
2.0.94.0.83.75 02-00-94-00-83-75' ]
