#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What a service announces by DNS-SD in its TXT record (a printer its note, a router its page) is NAME=VALUE each. By
# RFC 6763, 6.4, "note=" is an empty value, "fax" alone means there is one and says no more, a value is any bytes, and
# of a name that comes twice, in whatever case, the first counts. bonjour-service 1.4.4 (npm) has "note=", with the
# sign, as the name, and no value; a name of one letter that stands alone is left out; a value ends at its line break.
# dnssd 0.4.1 (npm) calls an empty value null. Both have the last of a name that comes twice, zeroconf 0.154.0 (PyPI)
# the first; all three have Ty beside ty.
# Needs node, npm, python3 and pip. Exits 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts bonjour-service@1.4.4 dnssd@0.4.1 dns-packet@5.6.1 >/dev/null
pip install -q --disable-pip-version-check --root-user-action=ignore --target . \
    zeroconf==0.154.0 2>/dev/null
cat >ask.cjs <<'JS'
const { writeFileSync } = require("node:fs");
const { DnsTxt } = require("bonjour-service/dist/lib/dns-txt.js");
const Packet = require("dnssd/lib/Packet");
const dnsPacket = require("dns-packet");
const version = (name) => console.log(name, require(`./node_modules/${name}/package.json`).version);
const data = ["note=", "ty=Printer", "Ty=Scanner", "ty=Copier", "fax", "T", "usb_MDL=a\nb"].map((text) => Buffer.from(text));
const answer = dnsPacket.encode({ type: "response", answers: [{ type: "TXT", name: "a.local", ttl: 10, data }] });
version("bonjour-service");
console.log(" ", new DnsTxt().decodeAll(dnsPacket.decode(answer).answers[0].data));
version("dnssd");
console.log(" ", new Packet(answer).answers[0].txt);
writeFileSync("record", dnsPacket.txt.encode(data).subarray(2));
JS
said=$(
    node ask.cjs
    PYTHONPATH=. python3 - <<'END'
from importlib.metadata import version
from zeroconf import ServiceInfo

with open("record", "rb") as file:
    print("zeroconf", version("zeroconf"))
    print(" ", ServiceInfo("_ipp._tcp.local.", "a._ipp._tcp.local.", properties=file.read()).decoded_properties)
END
)
printf '%s\n' "$said"
[ "$said" = "bonjour-service 1.4.4
  {
  'note=': undefined,
  ty: 'Copier',
  Ty: 'Scanner',
  fax: undefined,
  usb_MDL: 'a'
}
dnssd 0.4.1
  {
  note: null,
  ty: 'Copier',
  Ty: 'Scanner',
  fax: true,
  T: true,
  usb_MDL: 'a\nb'
}
zeroconf 0.154.0
  {'note': '', 'ty': 'Printer', 'Ty': 'Scanner', 'fax': None, 'T': None, 'usb_MDL': 'a\nb'}" ]
