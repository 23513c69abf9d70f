# SPDX-License-Identifier: BSD-3-Clause
"""Tests of the packages: built once in either format, installed into an OpenWrt of each test's own."""

import pytest
from rig.procd import FORMATS, System, build_packages


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """{format: {package: path}}"""
    return {kind: build_packages(kind, tmp_path_factory.mktemp(kind)) for kind in FORMATS}


@pytest.fixture(scope="session", params=FORMATS)
def kind(request):
    return request.param


@pytest.fixture(scope="session")
def packages(built, kind):
    """{name: package}"""
    return {name: FORMATS[kind](path) for name, path in built[kind].items()}


@pytest.fixture(scope="session")
def wpsd(packages):
    return packages["wpsd"]


@pytest.fixture(scope="session")
def luci_app(packages):
    return packages["luci-app-wpsd"]


@pytest.fixture
def router(tmp_path, kind):
    """A running OpenWrt with hostapd-common's button and without wpsd."""
    return System(tmp_path / "router", lists=FORMATS[kind].lists).equip()


@pytest.fixture
def image(tmp_path, kind):
    """An OpenWrt that an image is going to be made of."""
    return System(tmp_path / "image", image=True, lists=FORMATS[kind].lists)
