# SPDX-License-Identifier: BSD-3-Clause
"""Tests of the packages: built once, installed into an OpenWrt of each test's own."""

import pytest
from rig.procd import Package, System, build_ipks

@pytest.fixture(scope="session")
def ipks(tmp_path_factory):
    return build_ipks(tmp_path_factory.mktemp("ipk"))


@pytest.fixture(scope="session")
def wpsd(ipks):
    return Package(ipks["wpsd"])


@pytest.fixture(scope="session")
def luci_app(ipks):
    return Package(ipks["luci-app-wpsd"])


@pytest.fixture
def router(tmp_path):
    """A running OpenWrt with hostapd-common's button and without wpsd."""
    return System(tmp_path / "router").equip()


@pytest.fixture
def image(tmp_path):
    """An OpenWrt that an image is going to be made of."""
    return System(tmp_path / "image", image=True)
