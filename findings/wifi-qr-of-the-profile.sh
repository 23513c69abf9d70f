#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# wifi-qr 0.2 (Debian 12) shares a network that NetworkManager knows as a QR code with the profile's name for the SSID.
# They are the same for a profile that nmcli made first; netplan's are called netplan-wlan0-Home, and a second one of
# a network is "Home 1": the code is of a network that nobody has. Of a code that it reads it has the first three
# fields, whatever they are, and each up to its second colon: with R:1, which WPA3's codes have (Wi-Fi Alliance's WPA3
# Specification, "URI format"), or H:false before it, the key is nothing, and a:passphrase is a. nmcli is called with
# that and its answer thrown away. The order of the fields is free, and a colon stands in a key as it is.
# Needs apt-get and dpkg of Debian 12, and bash; what nmcli prints and what zbarimg reads is handed in. Exits 0 as long
# as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root wifi-qr=0.2-2
dpkg -x wifi-qr_*.deb .
mkdir bin
cat >bin/nmcli <<'END'
#!/bin/sh
case "$*" in
*NAME,TYPE*) echo netplan-wlan0-Home:802-11-wireless ;;
*security.psk*) echo a passphrase ;;
*key-mgmt*) echo wpa-psk ;;
*hidden*) echo no ;;
*list*) echo "  02:00:00:00:00:01 Home Infra" ;;
*connect*) printf '%s, ' "$@" >&3 ;;
esac
END
printf '#!/bin/sh\nfor text; do :; done\nprintf "%%s" "$text" >&3\n' >bin/qrencode
printf '#!/bin/sh\nprintf "%%s" "$SEEN"\n' >bin/zbarimg
printf '#!/bin/sh\n' >bin/tput
chmod +x bin/*
touch image
said=$(
    PATH=$folder/bin:$PATH
    echo "wifi-qr $(dpkg-deb -f wifi-qr_*.deb Version)"
    echo 0 | bash usr/bin/wifi-qr t 3>&1 >log 2>&1
    for SEEN in 'WIFI:T:WPA;S:Home;P:a passphrase;;' 'WIFI:T:WPA;R:1;S:Home;P:a passphrase;;' \
        'WIFI:H:false;T:WPA;S:Home;P:a passphrase;;' 'WIFI:T:WPA;S:Home;P:a:passphrase;;'; do
        export SEEN
        printf '\n%s\n    ' "$SEEN"
        bash usr/bin/wifi-qr f image 3>&1 >log 2>&1
    done
)
printf '%s\n' "$said"
[ "$said" = "wifi-qr 0.2-2
WIFI:S:netplan-wlan0-Home;P:a passphrase;T:WPA;;
WIFI:T:WPA;S:Home;P:a passphrase;;
    dev, wifi, connect, Home, password, a passphrase, 
WIFI:T:WPA;R:1;S:Home;P:a passphrase;;
    dev, wifi, connect, Home, password, , 
WIFI:H:false;T:WPA;S:Home;P:a passphrase;;
    dev, wifi, connect, Home, password, , 
WIFI:T:WPA;S:Home;P:a:passphrase;;
    dev, wifi, connect, Home, password, a, " ]
