"""Stand-ins for what wpsd talks to on a router, for machines that have no radios and no OpenWrt."""
