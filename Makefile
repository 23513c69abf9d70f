# `make help` lists the targets.

SHELL := /bin/bash
BIN := .build/venv/bin
VM := $(BIN)/python tests/rig/vm.py
PYTEST := -m pytest
# What a later commit builds is newer to opkg, which leaves a version alone that it has.
PACKAGE = PKG_RELEASE=$$(git -c safe.directory='*' rev-list --count HEAD 2>/dev/null) $(BIN)/python openwrt/package.py

.PHONY: help setup demo demo-ovsdb test test-long lint soak fuzz bench ipk apk dist clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | expand -t 12

setup: ## install what the tests and the demo need (Debian 12, root)
	@tests/setup.sh

demo: setup ## see it work: real hostapd and a real device on simulated radios
	@$(VM) -- python tests/demo.py

demo-ovsdb: setup ## the same, steered by an OVSDB manager as OpenSync's document has it
	@$(VM) -- python tests/demo_ovsdb.py

lint: setup ## look for mistakes in the Python code
	@$(BIN)/ruff check --isolated --no-cache --line-length 120 --select E,F,W --ignore E402,W293 .

test: setup ## look for mistakes and run every test, those with radios in virtual machines
	@status=0; \
	$(MAKE) --no-print-directory lint || status=1; \
	$(BIN)/python tests/run.py || status=1; \
	exit $$status

test-long: setup ## devices with keys of their own: twenty of them, WPA3, a full disk, kills, on real radios (an hour)
	@$(VM) --limit 6000 -- env PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 python $(PYTEST) -v -p pytest_timeout tests/vm/long

soak: setup ## a month of sessions, with hostapd and ubusd coming and going (20 minutes)
	@$(BIN)/python tests/soak.py

fuzz: setup ## a million inputs of each kind, guided by what they reach (an hour or two)
	@$(BIN)/pip install -qq --disable-pip-version-check -r tests/fuzz/requirements.txt
	@$(BIN)/python tests/fuzz/run.py

bench: setup ## measure what wpsd costs and how fast it is (a quarter of an hour; nothing else should run)
	@$(BIN)/python tests/bench

ipk: setup ## build the packages for OpenWrt up to 24.10, without an SDK
	@$(PACKAGE) ipk

apk: setup ## build the packages for OpenWrt from 25.12 on
	@$(PACKAGE) apk

dist: setup ## make the release: a tarball, its hash, and the folders for OpenWrt's feeds
	@$(BIN)/python openwrt/package.py dist

clean: ## delete all that was made
	rm -rf .build
	find . -name __pycache__ -prune -exec rm -rf {} +
