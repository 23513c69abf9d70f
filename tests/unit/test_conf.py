"""hostapd's configuration: what wpsd reads in it, what it changes, and when it says that WPS can't run.

Plain functions with asserts: this file runs on CPython and on MicroPython.
"""

import io
import os
import time

import wpsd

UUID = "a134bcd4-edf6-448b-87e5-49d3aedf9b60"

# /var/run/hostapd-home-ap-24.config in the OpenSync document
OPENSYNC = b"""driver=atheros
interface=home-ap-24
ctrl_interface=/var/run/hostapd-wifi0
logger_syslog=-1
logger_syslog_level=3
ssid=OPENSYNC-SSID
hw_mode=g
channel=1
ignore_broadcast_ssid=0
wmm_enabled=1
#ft_psk=0
bss_transition=1
rrm_neighbor_report=1
bridge=br-home
wpa_group_rekey=86400
auth_algs=1
wpa_key_mgmt=WPA-PSK
wpa_psk_file=/var/run/hostapd-home-ap-24.pskfile
wpa=2
wpa_pairwise=CCMP
wps_state=0
eap_server=0
"""

# As netifd writes a radio with two BSSs, WPS enabled on the second.
NETIFD = b"""driver=nl80211
country_code=DE
hw_mode=g
channel=1

interface=phy0-ap0
bridge=br-lan
ctrl_interface=/var/run/hostapd
ssid2="Guest"
wpa_passphrase=do-not-tell
auth_algs=1
wpa=2
wpa_pairwise=CCMP
wpa_psk_file=/var/run/hostapd-phy0-ap0.psk
wpa_key_mgmt=WPA-PSK
okc=0
bssid=02:00:00:00:00:00

bss=phy0-ap1
bridge=br-lan
ctrl_interface=/var/run/hostapd
ssid2="Home"
wps_state=2
device_type=6-0050F204-1
device_name=OpenWrt AP
config_methods=push_button
wps_independent=1
eap_server=1
ap_setup_locked=1
uuid=a134bcd4-edf6-448b-87e5-49d3aedf9b60
wpa=2
wpa_pairwise=CCMP
wpa_psk_file=/var/run/hostapd-phy0-ap1.psk
wpa_key_mgmt=WPA-PSK
bssid=02:00:00:00:00:01
# end"""

GOOD = {
    b"wpa": b"2", b"wpa_pairwise": b"CCMP", b"wpa_key_mgmt": b"WPA-PSK", b"wpa_psk_file": b"/x",
    b"ctrl_interface": b"/var/run/hostapd", b"ssid": b"Home",
}  # fmt: skip


def read(raw):
    path = "/tmp/wpsd-conf-" + "".join(["%02x" % b for b in os.urandom(8)])
    try:
        with open(path, "wb") as file:
            file.write(raw)
        return wpsd.read_conf(path)
    finally:
        os.unlink(path)


def options_of(raw, ifname):
    return dict(read(raw))[ifname]


def edited(raw, ifname, enabled=True):
    """The file after wpsd has seen to one BSS in it, twice."""
    for _ in range(2):
        wanted = {ifname: wpsd.wps_options(options_of(raw, ifname), enabled, UUID)}
        lines = wpsd.lines_of(io.BytesIO(raw), wpsd.LONGEST_CONF_LINE)
        again, raw = raw, b"".join([now for _, now in wpsd.conf_edit(wanted)(lines)])
    assert raw == again, "done twice is not the same as done once"
    return raw


def bss(*lines, end=b"\n"):
    """A radio with one BSS that can do WPS, and these lines in it."""
    head = b"driver=nl80211\ninterface=ap0\nctrl_interface=/run/hostapd\nssid=Home\n"
    wpa = b"wpa=2\nwpa_pairwise=CCMP\nwpa_psk_file=/x\nwpa_key_mgmt=WPA-PSK\n"
    return head + wpa + b"\n".join(lines) + (end if lines else b"")


ENABLED = (
    b"wps_state=2", b"config_methods=push_button", b"wps_independent=1",
    b"eap_server=1", b"ap_setup_locked=1", b"uuid=" + UUID.encode(),
)  # fmt: skip


# -- reading


def test_each_bss_has_its_own_options_and_inherits_none():
    found = read(NETIFD)
    assert [ifname for ifname, _ in found] == ["phy0-ap0", "phy0-ap1"]
    guest, home = found[0][1], found[1][1]
    assert (guest[b"ssid"], home[b"ssid"]) == (b"Guest", b"Home")
    assert b"wps_state" not in guest and home[b"wps_state"] == b"2"


def test_the_last_of_several_lines_counts():
    assert options_of(bss(b"ssid=New", b"wps_state=0", b"wps_state=2"), "ap0")[b"ssid"] == b"New"


def test_a_comment_is_no_option():
    assert b"wps_state" not in options_of(bss(b"#wps_state=2", b"# wps_state=2"), "ap0")


def test_no_passphrase_or_psk_is_kept_of_what_was_read():
    raw = bss(
        b"wpa_passphrase=do-not-tell",
        b"wpa_psk=" + b"5e" * 32,
        b"sae_password=do-not-tell",
        b"wep_key0=secret",
    )
    kept = repr(options_of(raw, "ap0"))
    assert "do-not-tell" not in kept and "5e5e" not in kept


def test_an_ssid_is_understood_in_each_way_that_hostapd_has_to_write_it():
    for line, ssid in (
        (b"ssid=Our Home", b"Our Home"),
        (b'ssid="Home"', b'"Home"'),
        (b'ssid2="Our "Home""', b'Our "Home"'),
        (b"ssid2=486F6d65", b"Home"),
        (b'ssid2=P"Caf\\xc3\\xa9 24"', b"Caf\xc3\xa9 24"),
        (b'ssid2=P"\\x41\\x42"', b"AB"),
        (b'ssid2=P"\\x7g\\xg\\x4"', b"\x07gg\x04"),
        (b'ssid2=P"\\7\\18\\1011\\q\\"', b"\x07\x018A1q"),
    ):
        assert options_of(bss(line), "ap0")[b"ssid"] == ssid, line


def test_an_ssid_with_the_printf_escapes_that_hostapd_knows_is_understood():
    assert options_of(bss(b'ssid2=P"a\\\\b \\"c\\"\\t\\e\\101"'), "ap0")[b"ssid"] == b'a\\b "c"\t\x1bA'


def test_an_ssid_that_hostapd_would_refuse_is_an_error():
    for line in (b"ssid2=xyz", b"ssid2=Home"):
        try:
            read(bss(line))
        except wpsd.FileError as e:
            assert "ssid2=" in str(e)
        else:
            raise AssertionError("no FileError for %r" % line)


def test_a_file_that_begins_with_a_second_bss_is_an_error():
    try:
        read(b"driver=nl80211\nbss=ap0\nssid=Home\n")
    except wpsd.FileError as e:
        assert "begins with a bss= line" in str(e)
    else:
        raise AssertionError("no FileError")


def test_a_file_that_is_not_there_is_an_error_that_names_it():
    try:
        wpsd.read_conf("/tmp/wpsd-there-is-no-such-file")
    except wpsd.FileError as e:
        assert "/tmp/wpsd-there-is-no-such-file" in str(e)
    else:
        raise AssertionError("no FileError")


def test_6_ghz_is_seen_on_every_bss_of_the_radio():
    raw = b"op_class=131\ninterface=a\nssid=A\nbss=b\nssid=B\n"
    assert [options[b"op_class"] for _, options in read(raw)] == [b"131", b"131"]


# -- what is changed


def test_the_opensync_files_two_lines_change_and_only_what_the_contract_asks_for_is_added():
    head = OPENSYNC[: OPENSYNC.find(b"wps_state=0")]
    assert edited(OPENSYNC, "home-ap-24") == head + b"\n".join(ENABLED) + b"\n"


def test_a_file_that_netifd_wrote_right_is_not_touched():
    assert edited(NETIFD, "phy0-ap1") == NETIFD


def test_in_a_radio_with_several_bsss_only_the_named_one_changes():
    after = edited(NETIFD, "phy0-ap0")
    middle = NETIFD.find(b"bss=phy0-ap1")
    assert after.endswith(NETIFD[middle:])
    assert b"\n".join(ENABLED) in after[: -len(NETIFD[middle:])]
    added = b"\n".join(ENABLED) + b"\n"
    assert after.replace(added, b"", 1) == NETIFD


def test_disabling_switches_wps_and_its_eap_server_off_and_leaves_the_rest():
    after = edited(NETIFD, "phy0-ap1", enabled=False)
    assert after == NETIFD.replace(b"wps_state=2", b"wps_state=0").replace(b"eap_server=1", b"eap_server=0")


def test_a_bss_that_never_had_wps_is_left_alone_when_it_is_disabled():
    assert edited(NETIFD, "phy0-ap0", enabled=False) == NETIFD
    assert edited(OPENSYNC, "home-ap-24", enabled=False) == OPENSYNC


def test_what_is_missing_goes_where_netifd_would_have_written_it():
    for line in ENABLED[1:]:
        without = NETIFD.replace(line + b"\n", b"", 2 if line.startswith(b"uuid") else 1)
        assert without != NETIFD
        assert edited(without, "phy0-ap1") == NETIFD, line


def test_a_pin_is_removed_and_leaves_nothing_behind():
    for without in (NETIFD, NETIFD.replace(b"ap_setup_locked=1\n", b"")):
        with_pin = without.replace(b"eap_server=1\n", b"eap_server=1\nap_pin=12345670\n")
        assert edited(with_pin, "phy0-ap1") == NETIFD


def test_every_pin_is_removed():
    after = edited(bss(b"ap_pin=12345670", b"okc=0", b"ap_pin=99956042"), "ap0")
    assert b"ap_pin" not in after and b"okc=0\n" in after


def test_a_pin_in_the_last_line_without_a_line_end_is_removed_too():
    after = edited(bss(*ENABLED + (b"ap_pin=12345670",), end=b""), "ap0")
    assert after == bss(*ENABLED)


def test_a_pin_above_the_interface_line_is_the_first_bsss_and_is_removed():
    assert edited(b"ap_pin=12345670\n" + bss(*ENABLED), "ap0") == bss(*ENABLED)


def test_nothing_but_push_button_stays_in_the_config_methods():
    raw = bss(b"config_methods=label display push_button keypad")
    assert b"config_methods=push_button\n" in edited(raw, "ap0")
    kept = b"config_methods=virtual_push_button physical_push_button\n"
    assert kept in edited(bss(kept.rstrip()), "ap0")


def test_every_one_of_several_lines_of_a_name_is_set_right():
    after = edited(bss(b"wps_state=0", b"okc=0", b"wps_state=1"), "ap0")
    assert after.count(b"wps_state=2\n") == 2 and after.count(b"wps_state=") == 2


def test_comments_and_unknown_options_stay_as_they_are():
    raw = bss(b"#wps_state=0", b"#ap_pin=1", b"vendor_option=#1=2", b"wps_state=0", b"# the end")
    after = edited(raw, "ap0")
    for line in (b"#wps_state=0\n", b"#ap_pin=1\n", b"vendor_option=#1=2\n", b"# the end\n"):
        assert after.count(line) == 1, line
    assert [line for line in after.split(b"\n") if line not in ENABLED] == [
        line for line in raw.split(b"\n") if line != b"wps_state=0"
    ]


def test_a_bss_at_the_end_of_a_file_without_a_line_end_gets_whole_lines():
    for last in (b"wps_state=0", b"okc=0", b"uuid=" + UUID.encode(), b"# end"):
        after = edited(bss(last, end=b""), "ap0")
        lines = after.split(b"\n")
        for line in ENABLED:
            assert lines.count(line) == 1, (last, after)
        assert last == b"wps_state=0" or lines.count(last) == 1


def test_windows_line_ends_stay():
    raw = bss(b"wps_state=0\r", b"eap_server=0\r", b"okc=0\r", b"")
    after = edited(raw, "ap0")
    assert b"wps_state=2\r\n" in after and b"eap_server=1\r\n" in after and b"\nokc=0\r\n" in after


def test_a_line_that_is_longer_than_hostapd_reads_stays_whole():
    long = b"vendor_elements=" + b"dd" * 4000
    after = edited(bss(long, b"wps_state=0"), "ap0")
    assert b"\n" + long + b"\n" in after and b"\nwps_state=2\n" in after


# -- when WPS can't run


def reason(**changes):
    options = dict(GOOD)
    for name, value in changes.items():
        options[name.encode()] = value
    return (wpsd.unsupported(options) or ("", ""))[1]


def reason_without(name):
    return (wpsd.unsupported({n: v for n, v in GOOD.items() if n != name}) or ("", ""))[1]


def test_wps_runs_on_wpa2_on_mixed_wpa_and_on_mixed_wpa3():
    assert reason() == ""
    assert reason(wpa=b"3", wpa_pairwise=b"TKIP CCMP") == ""
    assert reason(wpa=b"3", wpa_pairwise=b"TKIP", rsn_pairwise=b"CCMP") == ""
    assert reason(wpa_key_mgmt=b"WPA-PSK SAE", ieee80211w=b"1") == ""
    assert (
        reason(wpa_key_mgmt=b"WPA-PSK FT-PSK", multi_ap=b"0", ignore_broadcast_ssid=b"0", op_class=b"81")
        == ""
    )
    assert reason_without(b"wpa_key_mgmt") == ""


def test_wps_does_not_run_on_wep():
    assert "WEP" in reason(wep_key0=b"")


def test_wps_does_not_run_on_an_open_network():
    assert "open" in reason(wpa=b"0")
    assert "open" in reason_without(b"wpa")


def test_wps_does_not_run_on_wpa_enterprise():
    assert "Enterprise" in reason(wpa_key_mgmt=b"WPA-EAP")
    assert "Enterprise" in reason(wpa_key_mgmt=b"WPA-PSK WPA-EAP-SHA256")
    assert "Enterprise" in reason(ieee8021x=b"1")


def test_wps_does_not_run_on_owe():
    assert "OWE" in reason(wpa_key_mgmt=b"OWE")


def test_wps_does_not_run_on_wpa3_alone():
    assert "WPA3" in reason(wpa_key_mgmt=b"SAE")
    assert "WPA3" in reason(wpa_key_mgmt=b"SAE FT-SAE")


def test_wps_does_not_run_where_a_device_could_not_use_the_key_that_it_got():
    """hostapd 2.10 with a passphrase, driver=none: of FT-PSK or WPA-PSK-SHA256 alone WPS_PBC answers OK and
    WPS_NFC_CONFIG_TOKEN, which builds the same credential, FAIL; with SAE beside them there is a credential, of a
    WPA2PSK that the access point does not do."""
    for methods in (b"FT-PSK", b"WPA-PSK-SHA256", b"FT-PSK WPA-PSK-SHA256", b"SAE WPA-PSK-SHA256", b"SAE FT-PSK"):
        assert "without WPA-PSK" in reason(wpa_key_mgmt=methods), methods
    for methods in (b"WPA-PSK FT-PSK", b"WPA-PSK WPA-PSK-SHA256", b"SAE WPA-PSK WPA-PSK-SHA256"):
        assert reason(wpa_key_mgmt=methods) == "", methods


def test_wps_does_not_run_on_wpa_without_wpa2():
    assert "WPA2" in reason(wpa=b"1")


def test_wps_does_not_run_with_tkip_alone():
    assert "TKIP" in reason(wpa_pairwise=b"TKIP")
    assert "TKIP" in reason(wpa_pairwise=b"TKIP CCMP", rsn_pairwise=b"TKIP")


def test_wps_does_not_run_without_a_cipher_line_because_hostapds_default_is_tkip():
    assert "TKIP" in reason_without(b"wpa_pairwise")


def test_wps_does_not_run_on_6_ghz():
    assert "6 GHz" in reason(op_class=b"131")
    assert "6 GHz" in reason(op_class=b"137")


def test_wps_does_not_run_on_a_hidden_ssid():
    assert "hidden" in reason(ignore_broadcast_ssid=b"1")
    assert "hidden" in reason(ignore_broadcast_ssid=b"2")


def test_wps_does_not_run_on_a_multi_ap_backhaul():
    assert "Multi-AP" in reason(multi_ap=b"1")


def test_wps_does_not_run_where_a_device_could_be_given_the_backhauls_key():
    assert reason(multi_ap=b"2") == ""
    assert "backhaul's key" in reason(multi_ap=b"2", multi_ap_backhaul_ssid=b'"x"')
    assert "Multi-AP" in reason(multi_ap=b"3")


def test_numbers_are_read_as_hostapd_reads_them():
    """It takes what C's atoi() finds, and forgives what stands behind."""
    for line, name, value in (
        (b"ignore_broadcast_ssid=0  # a comment", b"ignore_broadcast_ssid", b"0"),
        (b"wpa=0 # open", b"wpa", b"0"),
        (b"wpa=1 ", b"wpa", b"1"),
        (b"wps_state= +2x", b"wps_state", b"2"),
        (b"multi_ap=two", b"multi_ap", b"0"),
    ):
        assert options_of(bss(line), "ap0")[name] == value, line
    visible, open_, wpa1 = [
        wpsd.unsupported(options_of(bss(line), "ap0"))
        for line in (b"ignore_broadcast_ssid=0  # visible", b"wpa=0 # open", b"wpa=1 ")
    ]
    assert visible is None and open_[0] == "open" and wpa1[0] == "wpa1"


def test_a_number_that_is_right_to_hostapd_is_left_alone():
    raw = bss(b"wps_state=2 # on", *ENABLED[1:])
    wanted = {"ap0": wpsd.wps_options(options_of(raw, "ap0"), True, UUID)}
    lines = wpsd.lines_of(io.BytesIO(raw), wpsd.LONGEST_CONF_LINE)
    assert all([was == now for was, now in wpsd.conf_edit(wanted)(lines)])


def test_of_a_bss_that_is_disabled_nothing_more_is_asked_and_a_uuid_in_capitals_is_left_alone():
    assert wpsd.wps_options({b"uuid": UUID.upper().encode()}, True, UUID)[b"uuid"] == UUID.upper().encode()
    assert wpsd.wps_options({}, False, UUID) == {b"ap_pin": None}


def test_the_vlans_that_a_key_may_name_are_those_of_the_vlan_file_or_any():
    path = "/tmp/wpsd-vlans-" + "".join(["%02x" % b for b in os.urandom(8)])
    try:
        with open(path, "wb") as file:
            file.write(b"# none\n5 home.5\n7\tx\n")
        assert wpsd.vlans_of({b"vlan_file": path.encode(), b"dynamic_vlan": b"1"}) == {5, 7}
        with open(path, "wb") as file:
            file.write(b"*\thome.#\n")
        assert wpsd.vlans_of({b"vlan_file": path.encode()}) == {"*"}
    finally:
        os.unlink(path)
    assert wpsd.vlans_of({}) == wpsd.vlans_of({b"vlan_file": path.encode()}) == set()
    assert wpsd.vlans_of({b"dynamic_vlan": b"1"}) == {"*"}


def test_wps_does_not_run_without_a_psk_file_in_which_a_key_could_be_armed():
    assert "wpa_psk_file" in reason_without(b"wpa_psk_file")


def test_wps_does_not_run_without_a_control_socket():
    assert "ctrl_interface" in reason_without(b"ctrl_interface")


def test_wps_does_not_run_without_an_ssid():
    assert "SSID" in reason_without(b"ssid")


def test_an_editor_that_finds_no_such_bss_changes_nothing():
    wanted = {"other": wpsd.wps_options({}, True, UUID)}
    lines = wpsd.lines_of(io.BytesIO(NETIFD), wpsd.LONGEST_CONF_LINE)
    assert all([was == now for was, now in wpsd.conf_edit(wanted)(lines)])


# -- which files those are


class Radios:
    """A folder with radios' files in it, and a wpsd that looks there."""

    def __enter__(self):
        self.path = "/tmp/wpsd-radios-" + "".join(["%02x" % b for b in os.urandom(8)])
        os.mkdir(self.path)
        self.places = wpsd.Places(self.path, self.path, print)
        self.places.settings.confs = [self.path + "/hostapd-*.conf"]
        return self

    def __exit__(self, *_):
        os.system("rm -rf " + self.path)

    def add(self, name, at):
        """A file that came at that time."""
        with open(self.path + "/" + name, "wb"):
            pass
        os.system("touch -d @%d %s" % (at, self.path))

    def found(self):
        return [path[len(self.path) + 1 :] for path in self.places._conf_paths()]


def test_the_radios_are_the_files_that_fit_the_pattern_in_order():
    with Radios() as radios:
        for name in ("hostapd-phy1.conf", "hostapd-phy0.conf", "hostapd-phy0.conf.wpsd", "hostapd.conf", "wpa.conf"):
            radios.add(name, time.time())
        assert radios.found() == ["hostapd-phy0.conf", "hostapd-phy1.conf"]
        radios.places.settings.confs = [radios.path + "/hostapd.conf", radios.path + "/none/*"]
        assert radios.found() == ["hostapd.conf"]


def test_a_radio_that_comes_in_the_second_in_which_the_folder_was_read_is_found():
    now = time.time()
    with Radios() as radios:
        radios.add("hostapd-phy0.conf", now)
        assert radios.found() == ["hostapd-phy0.conf"]
        radios.add("hostapd-phy1.conf", now)
        assert radios.found() == ["hostapd-phy0.conf", "hostapd-phy1.conf"]


def test_a_folder_in_which_nothing_has_changed_is_not_read_again():
    with Radios() as radios:
        radios.add("hostapd-phy0.conf", time.time() - 60)
        assert radios.found() == ["hostapd-phy0.conf"]
        files_like, wpsd.files_like = wpsd.files_like, None
        try:
            assert radios.found() == ["hostapd-phy0.conf"]
        finally:
            wpsd.files_like = files_like
        radios.add("hostapd-phy1.conf", time.time() - 30)
        assert radios.found() == ["hostapd-phy0.conf", "hostapd-phy1.conf"]
