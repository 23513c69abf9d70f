// SPDX-License-Identifier: BSD-3-Clause
'use strict';
'require baseclass';
'require view';
'require poll';
'require rpc';
'require dom';
'require ui';

/*
 * The page asks wpsd for its status every second and shows what it says; it keeps nothing of its own but the
 * key that was picked. A network is all BSSs with one SSID. Read it in this order: the words (tables: what a
 * code, a status number, a result is called), the helpers, the Network (one SSID on the page), the view (the
 * poll, the history).
 *
 * dom.append() takes a string for HTML and an array's strings for text: whatever comes from the air or
 * from wpsd (an SSID, a device's name) goes in as [ text ] or as textContent.
 */

const WALK_TIME = 120;
const PATIENCE = 5000;		// ms without an answer until the page says so
const RECENT = 15 * 60;		// s for which an ending is news; then it is history
const TOLD_AT_LEAST = 8000;	// ms for which what an action did is shown, also when its cause is gone,
const TOLD_AT_MOST = 120000;	// and when it is not: WPS's own rule on overlaps forgets after two minutes
const NEW_KEY = '*';

const callStatus = rpc.declare({ object: 'wps', method: 'status', params: [ 'ssid' ] });
const callHistory = rpc.declare({ object: 'wps', method: 'history' });
const callStart = rpc.declare({ object: 'wps', method: 'start', params: [ 'ssid', 'ifname', 'key_id' ] });
const callCancel = rpc.declare({ object: 'wps', method: 'cancel', params: [ 'ssid', 'ifname' ] });
const callConfigure = rpc.declare({ object: 'wps', method: 'configure', params: [ 'ssid', 'ifname', 'wps' ] });
const callRename = rpc.declare({ object: 'wps', method: 'rename', params: [ 'key_id', 'name' ] });
const callRevoke = rpc.declare({ object: 'wps', method: 'revoke', params: [ 'key_id' ] });

/* LuCI's own, for those whom LuCI's own ACLs let */
const callAccess = rpc.declare({ object: 'session', method: 'access', params: [ 'scope', 'object', 'function' ], expect: { access: false } });
const callUci = rpc.declare({ object: 'uci', method: 'get', params: [ 'config', 'type' ], expect: { values: {} } });
const callLeases = rpc.declare({ object: 'luci-rpc', method: 'getDHCPLeases', expect: { dhcp_leases: [] } });

/* -- words -- */

const REFUSED_BY_HOSTAPD = _('hostapd refused a command; the system log says which.');

/* Why a network, or one radio of it, can't do WPS now: by reason_code. */
const REASONS = {
	backhaul: _('A Multi-AP backhaul does not take WPS devices.'),
	beacon: REFUSED_BY_HOSTAPD,
	cancel: REFUSED_BY_HOSTAPD,
	channel: _('The radio is looking for a free channel.'),
	device_keys_lost: _('Devices that joined by WPS before wpsd was installed have to join once more.'),
	eap: _('WPA-Enterprise has no key to give out.'),
	file: _('A configuration file of hostapd can\'t be read or written.'),
	hidden: _('A hidden SSID can\'t be used with WPS.'),
	independent: REFUSED_BY_HOSTAPD,
	key_vlan: _('The key belongs to a VLAN that is not there.'),
	loading: _('The access point is being set up.'),
	look: REFUSED_BY_HOSTAPD,
	multi_ap: _('A Multi-AP backhaul does not take WPS devices.'),
	netifd_pending: _('The radio is being set up.'),
	no_control_socket: _('There is no control socket (ctrl_interface).'),
	no_hostapd: _('The access point can not be reached: hostapd is not running.'),
	no_key: _('It has no shared key that could be given out.'),
	no_psk_file: _('There is no wpa_psk_file, so no key can be armed.'),
	no_section: _('UCI has no wifi-iface section for it.'),
	no_section_name: _('Its wifi-iface section in UCI has no name, so no key of a device can be kept.'),
	no_ssid: _('There is no SSID.'),
	no_wpa_psk: _('FT-PSK or WPA-PSK-SHA256 without WPA-PSK does not work with WPS.'),
	no_wps: _('hostapd was built without WPS: install wpad-mbedtls (not wpad-basic-mbedtls).'),
	open: _('The network is open: there is no key to give out.'),
	owe: _('OWE has no key to give out.'),
	pin: REFUSED_BY_HOSTAPD,
	prepare: REFUSED_BY_HOSTAPD,
	press: _('hostapd refused the push button.'),
	psk_file: _('The file with the keys can\'t be read or written.'),
	psk_refused: _('hostapd refused the file with the keys.'),
	psk_shared: _('The file with the keys is shared with a network that gives out other keys.'),
	radar: _('The radio waits until it may use its channel (radar detection).'),
	radio_off: _('The radio is switched off.'),
	restart: _('hostapd refused to come back with WPS.'),
	sae_only: _('WPA3 alone (SAE without WPA-PSK) does not work with WPS.'),
	several_sections: _('Several wifi-iface sections in UCI could be meant.'),
	six_ghz: _('There is no WPS on 6 GHz.'),
	tkip: _('TKIP without CCMP is not allowed with WPS.'),
	too_many_devices: _('There is no room for one more device with a key of its own: remove one first.'),
	uci: _('The wireless configuration (UCI) can\'t be read.'),
	uci_too_large: _('The wireless configuration (UCI) is too large.'),
	wep: _('WEP can\'t be given out by WPS.'),
	wpa1: _('WPA without WPA2 is not allowed with WPS.')
};

/* These don't keep a device out. */
const REMARKS = [ 'device_keys_lost', 'no_key' ];

/* Why a call did nothing: by its code, */
const NOT_THERE = _('This network or this key is not there any more.');
const NOT_A_DEVICE = _('This device is not in the list any more.');
const NOT_CONFIRMED = _('The access point did not confirm in time. Nothing is left half-done; try again.');
const NOT_REACHED = _('The access point can not be reached: hostapd is not running, or the radio is off.');
const NOT_UNDERSTOOD = _('The WPS service did not understand the request. Reload this page and try again.');
const NOT_WRITTEN = _('The configuration could not be written: the flash memory is full or read-only.');
const ENDED_BEFORE = _('The session was ended before it was open. Start again.');
const REFUSALS = {
	accident: _('The WPS service made a mistake; the system log says which.'),
	ambiguous: NOT_UNDERSTOOD,
	bad_name: _('A name has at most 32 characters and no line breaks.'),
	cancelled: ENDED_BEFORE,
	failed: ENDED_BEFORE,
	interrupted: ENDED_BEFORE,
	key_gone: NOT_THERE,
	key_id_taken: _('There is a key with that name already.'),
	missing_argument: NOT_UNDERSTOOD,
	no_hostapd: NOT_REACHED,
	no_section: NOT_THERE,
	no_such_device: NOT_A_DEVICE,
	no_such_ifname: NOT_THERE,
	no_such_key_id: NOT_THERE,
	no_such_ssid: NOT_THERE,
	no_target: NOT_UNDERSTOOD,
	not_a_device: NOT_A_DEVICE,
	not_applied: NOT_CONFIRMED,
	not_confirmed: NOT_CONFIRMED,
	not_enabled: _('WPS is not enabled on this network.'),
	out_of_range: NOT_UNDERSTOOD,
	overlap: _('Two devices asked within two minutes. Leave one of them alone, wait two minutes and start again.'),
	session_active: _('A session is running. Wait for its end, or cancel it.'),
	timeout: ENDED_BEFORE,
	uci: NOT_WRITTEN,
	unknown_argument: NOT_UNDERSTOOD,
	wrong_type: NOT_UNDERSTOOD
};

/* else by its status number: LuCI's own way to ubus (admin/ubus) hands on nothing else. */
const STATUSES = {
	2: NOT_UNDERSTOOD,
	4: NOT_THERE,
	6: _('This is not allowed now: WPS is not enabled on this network, a session is running, the radio is being set up, two devices asked within the last two minutes, or there is no room for one more device.'),
	7: NOT_CONFIRMED,
	8: _('This network can not do WPS.'),
	9: NOT_WRITTEN,
	10: NOT_REACHED
};

/* How a session ended: as good or bad news, in a word, in a sentence, what to do next. */
const TIMED_OUT = _('Timed out');
const ENDINGS = {
	connected: {
		kind: 'success', title: _('Connected'),
		sentence: _('%s got the key “%s” and is connected.')
	},
	handed_over: {
		kind: 'success', title: _('Key handed over'),
		sentence: _('%s got the key “%s” and has not connected with it yet.'),
		next: _('If it does not come within a minute, switch it off and on again: it has its key now.')
	},
	too_far: {
		kind: 'danger', title: TIMED_OUT,
		sentence: _('%s was seen but did not get in before the time was over.'),
		next: _('Bring it closer to the router and start again. If that does not help, switch it off and on first.')
	},
	nobody: {
		kind: 'danger', title: TIMED_OUT,
		sentence: _('No device was seen before the time was over.'),
		next: _('Bring the device closer to the router, start again and press its WPS button within two minutes. A device that has no WPS, or speaks WPA3 only, can take the QR code or the password.')
	},
	overlap: {
		kind: 'danger', title: _('Two devices at once'),
		sentence: _('Two devices asked at once, and neither got in.'),
		next: _('Leave one of them alone, wait two minutes and start again.')
	},
	cancelled: {
		kind: 'notice', title: _('Cancelled'),
		sentence: _('The session was cancelled.'),
		next: _('Start again whenever you like.')
	},
	interrupted: {
		kind: 'danger', title: _('Interrupted'),
		sentence: _('The session was interrupted: the access point restarted or went away.'),
		next: _('Wait until the network is there again, then start once more.')
	},
	failed: {
		kind: 'danger', title: _('Failed'),
		sentence: _('The session failed: %s'),
		next: _('Start again. If it keeps failing, the system log says more; the QR code works without WPS.')
	}
};

/* Why there is nothing to show. */
const TROUBLES = {
	expired: _('Your session has expired. Log in again to see this page.'),
	denied: _('You have no permission for this.'),
	away: _('The router does not answer. This page goes on by itself as soon as it does.'),
	hangs: _('The WPS service does not answer. This page goes on by itself as soon as it does.'),
	stopped: _('The WPS service (wpsd) is not running. Start it under System → Startup; this page goes on by itself as soon as it runs.')
};

/* Why a call or a session failed */
function inWords(code, sentence) {
	return REFUSALS[code] ?? REASONS[code] ?? sentence;
}

function refusal(answer, why) {
	if (answer instanceof Error)
		return TROUBLES[troubleOf(answer) ?? 'hangs'];

	if (L.isObject(answer))
		return inWords(answer.code, answer.error) ?? null;

	if (answer === 8 && why)
		return why;

	return STATUSES[answer] ?? (answer ? _('It failed with the status %d.').format(answer) : null);
}

/* A key of TROUBLES, or null if there is none, or undefined if it takes a question to tell. */
function troubleOf(answer) {
	if (L.isObject(answer) && Array.isArray(answer.bss))
		return null;

	if (!(answer instanceof Error))
		return answer === 7 ? 'hangs' : answer === 6 ? 'denied' : 'stopped';

	if (answer.name == 'SessionError')
		return 'expired';

	const code = (/-32\d\d\d\b/.exec(answer.message) || [])[0];

	return { '-32000': 'stopped', '-32002': 'denied', '-32003': 'hangs' }[code];
}

function device(session) {
	if (session.name && session.mac)
		return '%s (%s)'.format(session.name, session.mac);

	return session.name || session.mac || _('A device');
}

/* What to do now, and what else there is to know. */
function progress(session, open) {
	switch (session.state) {
	case 'preparing':
	case 'activating':
		return [ _('WPS is being opened…') ];

	case 'finishing':
		return [ _('WPS is being closed…') ];
	}

	const words = [ session.mac
		? _('%s asks to join.').format(device(session))
		: _('Press the WPS button of the device now.') ];

	words.push(_('It gets the key “%s”.').format(session.key_id));

	if (open.length)
		words.push(_('WPS is open on %s.').format([ ...new Set(open) ].join(' · ')));

	if (session.attempts)
		words.push(N_(session.attempts, '%d attempt so far.', '%d attempts so far.').format(session.attempts));

	if (session.external)
		words.push(_('Another program started this session.'));

	return words;
}

function ending(last) {
	const isSeen = last.mac || last.name;
	const name = {
		success: last.connected ? 'connected' : 'handed_over',
		timeout: isSeen ? 'too_far' : 'nobody'
	}[last.result] ?? last.result;
	const words = ENDINGS[name] ?? { kind: 'notice', title: name, sentence: name };
	const facts = name == 'failed' ? [ inWords(last.code, last.error) ] : [ device(last), last.key_id ];

	return { ...words, sentence: words.sentence.format(...facts) };
}

const ICONS = { success: '✔', danger: '✘', notice: '–' };

/* -- helpers -- */

/* The themes differ in what they do around buttons, badges and bars; these rows look the same in all of them. */
const ROW = 'display:flex;flex-wrap:wrap;align-items:center;gap:.5em .75em;margin:.75em 0';
const APART = 'margin-bottom:2em';
const BIG = { fontSize: '1.4em', lineHeight: 1.4, height: 'auto', minWidth: 'min(100%, 350px)', padding: '.6em 1em' };
const FITS = 'box-sizing:border-box;max-width:100%;margin:0';

/* So that a long word (an SSID, a key id) does not make the page wider than a phone */
const WRAPS = 'overflow-wrap:anywhere;word-break:break-word;white-space:normal';

function show(node, visible) {
	node.style.display = visible ? '' : 'none';
}

/* Only a change: a screen reader speaks up when the text of a live region is set. */
function write(node, text) {
	if (node.textContent !== text)
		node.textContent = text;
}

/* The content of a node, made anew only when what it says is something else. */
function fill(node, facts, make) {
	const text = JSON.stringify(facts);

	if (node.facts === text)
		return false;

	node.facts = text;
	dom.content(node, make());

	return true;
}

function alert(kind, children) {
	return E('div', { 'class': `alert-message ${kind}` }, children);
}

function isHidden(node) {
	return node.offsetParent === null;
}

function when(seconds) {
	const lang = document.documentElement.lang.replace('_', '-') || undefined;

	return new Date(seconds * 1000).toLocaleString(lang, { dateStyle: 'medium', timeStyle: 'short' });
}

/* The band of a frequency in MHz, or '' */
function band(freq) {
	if (freq >= 2400 && freq < 2500)
		return _('2.4 GHz');

	if (freq >= 4900 && freq < 5925)
		return _('5 GHz');

	if (freq >= 5925 && freq < 7200)
		return _('6 GHz');

	return freq >= 57000 ? _('60 GHz') : '';
}

/* Where a BSS is on the air: one place, or one a link of an access point MLD. */
function placesOf(bss) {
	const links = bss.links?.length ? bss.links : [ bss ];

	return links.map(link => ({
		name: bss.links?.length ? `${bss.ifname} (link ${link.link})` : bss.ifname,
		band: band(link.freq),
		reason: link.reason,
		code: link.reason_code,
		isOpen: link.wps_pbc
	}));
}

function labelOf(place) {
	return place.band || place.name;
}

function explain(code, reason) {
	return REASONS[code] ?? reason;
}

/* What WIFI: in a QR code escapes */
function escapeForQr(text) {
	return text.replace(/[\\;,:"]/g, '\\$&');
}

/* A question or a form. `children` come before the buttons, [ label, class, answer ] each; the first is that of Escape.
   Resolves to what the answer of the pressed one returns. */
function dialog(title, children, buttons) {
	return new Promise(resolve => {
		const close = answer => {
			document.activeElement.blur();
			ui.hideModal();
			dom.content(box, []);
			resolve(answer);
		};
		const row = E('div', { 'class': 'right' }, buttons.map(([ label, kind, answer ]) => E('button', {
			'class': `btn cbi-button ${kind}`,
			'style': 'margin-left:.5em',
			'click': () => close(answer())
		}, [ label ])));
		const box = E('div', {
			'style': WRAPS,
			'keydown': ev => {
				const all = Array.from(box.querySelectorAll('input, button'));
				const edge = ev.shiftKey ? all[0] : all[all.length - 1];

				if (ev.key == 'Enter' && ev.target.tagName == 'INPUT') {
					ev.preventDefault();
					row.lastChild.click();
				}
				else if (ev.key == 'Tab' && document.activeElement === edge) {
					ev.preventDefault();
					(ev.shiftKey ? all[all.length - 1] : all[0]).focus();
				}
			}
		}, children.concat(row));
		const node = ui.showModal(title, [ box ]);

		node.querySelector('h4').id = 'wpsd-dialog';
		node.setAttribute('aria-labelledby', 'wpsd-dialog');
		(box.querySelector('input') ?? row.firstChild).focus();
	});
}

function confirmDrop(ssid) {
	return dialog(_('Clients will be disconnected'), [
		E('p', [ _('hostapd was started without WPS on “%s”. It has to restart the radio, and all clients of that radio have to reconnect. This happens only once.').format(ssid) ])
	], [
		[ _('Leave it'), '', () => false ],
		[ _('Continue'), 'cbi-button-negative important', () => true ]
	]);
}

function confirmRemoval(name) {
	return dialog(_('Remove this device?'), [
		E('p', [ _('“%s” is disconnected at once and can not come back with its key. All other devices stay connected.').format(name) ])
	], [
		[ _('Keep it'), '', () => false ],
		[ _('Remove'), 'cbi-button-negative important', () => true ]
	]);
}

function askName(name) {
	const input = E('input', { 'type': 'text', 'id': 'wpsd-name', 'class': 'cbi-input-text', 'maxlength': 32, 'value': name });

	return dialog(_('Rename this device'), [
		E('p', [ E('label', { 'for': 'wpsd-name' }, [ _('Name of the device') ]), ' ', input ])
	], [
		[ _('Cancel'), '', () => null ],
		[ _('Save'), 'cbi-button-positive important', () => input.value.trim() || null ]
	]);
}

/* The section of a network in UCI, as far as LuCI's own ACL lets its user read it, if it has a key. */
function readSection(ssid) {
	return callUci('wireless', 'wifi-iface').then(sections => Object.values(sections).find(s =>
		s.mode == 'ap' && s.ssid == ssid && s.disabled != '1' && /^(?:[\x20-\x7e]{8,63}|[0-9A-Fa-f]{64})$/.test(s.key)));
}

function showQr(ssid) {
	return Promise.all([ L.require('uqr'), readSection(ssid) ]).then(([ uqr, section ]) => {
		if (!section)
			throw new Error('no key');

		const hidden = section.hidden == '1' ? 'H:true;' : '';
		const data = `WIFI:T:WPA;S:${escapeForQr(ssid)};P:${escapeForQr(section.key)};${hidden};`;
		const code = E(uqr.renderSVG(data, { pixelSize: 6, whiteColor: 'white', blackColor: 'black', ecc: 'M', border: 4 }));

		code.setAttribute('style', 'width:100%;max-width:20em;height:auto');

		if (!code.hasAttribute('viewBox'))
			code.setAttribute('viewBox', `0 0 ${code.getAttribute('width')} ${code.getAttribute('height')}`);

		code.setAttribute('role', 'img');
		code.setAttribute('aria-label', _('QR code of the network “%s”').format(ssid));

		return dialog(_('QR code'), [
			E('p', [ _('Point the camera of the device at it. The code holds the password of “%s”: whoever sees it can join.').format(ssid) ]),
			E('p', { 'style': 'text-align:center' }, [ code ])
		], [
			[ _('Close'), '', () => true ]
		]);
	});
}

/* -- a network: its place on the page -- */

let lastId = 0;

const Network = baseclass.extend({
	/* `target`: the arguments ssid, ifname that name it to wpsd */
	__init__(ssid, target, page) {
		const id = `wpsd-${++lastId}`;
		const button = (kind, label, method) => E('button', {
			'class': `btn cbi-button ${kind}`,
			'style': FITS,
			'click': ui.createHandlerFn(this, method),
			'disabled': page.isWritable ? null : true
		}, [ label ]);

		this.ssid = ssid;
		this.target = target;
		this.page = page;
		this.bss = [];

		this.label = E('span', { 'class': 'label' });
		this.places = E('div', { 'style': ROW });
		this.reason = E('div');
		this.sentence = E('div', { 'role': 'status' });
		this.bar = E('div');
		this.time = E('span', { 'style': 'font-size:2em;line-height:1;font-variant-numeric:tabular-nums', 'aria-hidden': 'true' });
		this.progress = E('div', {
			'class': 'cbi-progressbar',
			'style': 'flex:1;min-width:0;margin:0',
			'role': 'progressbar',
			'aria-label': _('Time left'),
			'aria-valuemin': 0
		}, [ this.bar ]);
		this.countdown = E('div', [ E('div', { 'style': ROW }, [ this.time, this.progress ]) ]);
		this.message = E('div', { 'role': 'alert' });
		this.select = E('select', {
			'id': `${id}-key`,
			'class': 'cbi-input-select',
			'style': FITS,
			'disabled': page.isWritable ? null : true
		});
		this.choice = E('div', [ E('div', { 'style': ROW }, [
			E('label', { 'for': `${id}-key` }, [ _('Key that the device gets') ]),
			this.select
		]) ]);
		this.buttons = {
			start: button('cbi-button-action important', _('Start WPS'), 'handleStart'),
			cancel: button('cbi-button-negative', _('Cancel WPS'), 'handleCancel'),
			enable: button('cbi-button-positive', _('Enable WPS'), 'handleEnable'),
			disable: button('cbi-button-neutral', _('Disable WPS'), 'handleDisable')
		};
		this.qr = E('button', {
			'class': 'btn cbi-button cbi-button-neutral',
			'style': FITS,
			'click': ui.createHandlerFn(this, 'handleQr')
		}, [ _('Show QR code') ]);
		this.actions = E('div', { 'style': ROW }, [
			this.buttons.start, this.buttons.cancel, this.buttons.enable, this.qr, this.buttons.disable
		]);
		this.rows = E('table', { 'class': 'table', 'aria-labelledby': `${id}-devices` });
		this.more = E('p');
		this.room = E('div');
		this.list = E('div', [
			E('h4', { 'id': `${id}-devices`, 'tabindex': -1 }, [ _('Devices with a key of their own') ]),
			this.rows, this.more, this.room
		]);
		this.node = E('div', { 'class': 'cbi-section', 'style': APART, 'role': 'group', 'aria-labelledby': id }, [
			E('h3', { 'style': WRAPS }, [ E('span', { 'id': id }, [ ssid ]), ' ', this.label ]),
			E('div', { 'class': 'cbi-section-node', 'style': WRAPS }, [
				this.places, this.reason, this.sentence, this.countdown, this.choice, this.actions, this.message, this.list
			])
		]);
	},

	/* Whether a device could join on this BSS now */
	isReady(bss) {
		return bss.enabled && bss.supported && (!bss.reason || REMARKS.includes(bss.reason_code));
	},

	update(bss) {
		const able = bss.filter(b => b.supported);
		const enabled = able.filter(b => b.enabled);
		const ready = enabled.filter(b => this.isReady(b));
		const session = bss.map(b => b.session).find(s => s);
		const last = bss.map(b => b.last).filter(Boolean).sort((a, b) => b.ended - a.ended || b.id - a.id)[0];
		const focused = this.node.contains(document.activeElement) ? document.activeElement : null;

		this.bss = bss;
		this.isStartable = !session && ready.length > 0;
		this.coldStart = ready.some(b => b.cold);
		this.coldEnable = able.some(b => b.cold && !b.enabled);

		if (session)
			this.setLabel('warning', _('Running'));
		else if (ready.length)
			this.setLabel('notice', _('Enabled'));
		else if (enabled.length)
			this.setLabel('warning', _('Not ready'));
		else if (able.length)
			this.setLabel('', _('Disabled'));
		else
			this.setLabel('', _('Not possible'));

		this.setPlaces(session);
		this.setReasons();
		this.setDevices();
		this.setSentence(session, last);
		this.setProgress(session);
		this.setKeys(ready, session);

		show(this.choice, this.isStartable && this.select.options.length > 1);
		show(this.buttons.cancel, session);
		show(this.buttons.start, this.isStartable);
		show(this.buttons.enable, !session && able.some(b => !b.enabled && !b.reason));
		show(this.buttons.disable, !session && enabled.length);
		show(this.qr, this.page.mayReadKey && ![ 'open', 'owe', 'eap', 'wep' ].includes(bss[0].reason_code));
		this.forget();

		if (focused && (document.activeElement === document.body || isHidden(document.activeElement)))
			this.focus();
	},

	setLabel(kind, text) {
		this.label.className = kind ? `label ${kind}` : 'label';
		write(this.label, text);
	},

	/* The only network that can start has a button that nobody overlooks. */
	setBig(isBig) {
		for (const { style } of [ this.buttons.start, this.buttons.cancel ])
			for (const [ name, value ] of Object.entries(BIG))
				style[name] = isBig ? value : '';
	},

	/* Bands; the interface is in the tooltip. */
	setPlaces(session) {
		const places = this.bss.flatMap(placesOf);

		fill(this.places, [ places, !!session ], () => places.flatMap(place => [
			E('span', { 'class': place.isOpen ? 'ifacebadge ifacebadge-active' : 'ifacebadge', 'style': 'margin:0;padding:.2em .6em', 'title': place.name }, [ labelOf(place) ])
		]));
	},

	/* In one sentence if it is the same for all; else each place is named. */
	why() {
		const why = this.bss.flatMap(b => b.reason
			? [ [ placesOf(b).map(labelOf).join(' · '), explain(b.reason_code, b.reason) ] ]
			: (b.links ?? []).filter(l => l.reason).map(l => [ band(l.freq) || b.ifname, explain(l.reason_code, l.reason) ]));
		const isSame = why.length >= this.bss.length && why.every(w => w[1] == why[0][1]) && this.bss.every(b => b.reason);

		return isSame && why.length ? why[0][1] : why.map(w => w.join(': ')).join(' ');
	},

	setReasons() {
		const details = this.bss.map(b => b.reason).filter(Boolean).join(' ');

		write(this.reason, this.why());
		this.reason.title = details == this.reason.textContent ? '' : details;
		show(this.reason, this.reason.textContent);
	},

	/* How the last session ended is told while it is news: to those who saw it, whatever the router's clock says. */
	isNews(last) {
		const age = last.id === this.watched ? Date.now() - this.watchedAt : Math.abs(Date.now() - last.ended * 1000);

		return age < RECENT * 1000;
	},

	setSentence(session, last) {
		if (session) {
			const open = this.bss.flatMap(placesOf).filter(place => place.isOpen).map(labelOf);
			const [ now, ...more ] = progress(session, open);

			this.watched = session.id;
			this.watchedAt = Date.now();
			fill(this.sentence, [ now, more ], () => [
				E('p', { 'style': 'font-size:1.4em;line-height:1.3;margin:.5em 0' }, [ now ]), ' ',
				E('p', { 'style': 'margin:.5em 0' }, [ more.join(' ') ])
			]);
		}
		else if (last && this.isNews(last)) {
			const { kind, title, sentence, next } = ending(last);
			const time = when(last.ended);

			fill(this.sentence, [ title, sentence, time ], () => [ alert(kind, [
				E('p', [ E('strong', [ E('span', { 'aria-hidden': 'true' }, [ ICONS[kind], ' ' ]), title ]), ' · ', E('span', [ time ]) ]),
				E('p', [ sentence ]),
				next ? E('p', [ next ]) : ''
			]) ]);
		}
		else {
			fill(this.sentence, '', () => []);
		}

		show(this.sentence, this.sentence.textContent);
	},

	setProgress(session) {
		show(this.countdown, session);

		if (!session)
			return;

		const total = Math.max(session.timeout || WALK_TIME, session.remaining);
		const left = '%d:%02d'.format(session.remaining / 60, session.remaining % 60);

		this.bar.style.width = `${Math.floor(100 * session.remaining / total)}%`;
		write(this.time, left);
		dom.attr(this.progress, {
			'aria-valuemax': total,
			'aria-valuenow': session.remaining,
			'aria-valuetext': _('%s left').format(left)
		});
	},

	devices() {
		return [ ...new Map(this.bss.flatMap(b => b.devices ?? []).map(d => [ d.key_id, d ])).values() ];
	},

	/* A new key for the device comes first, and is what a press gives out unless the owner has chosen another key in UCI. The
	   user's pick stays while the page asks again. */
	setKeys(ready, session) {
		if (!ready.length || session)
			return;

		const own = this.devices().map(d => d.key_id);
		const keys = ready[0].key_ids.filter(key => !own.includes(key) && ready.every(b => b.key_ids.includes(key)));
		const armed = ready[0].wps_pbc_key_id;
		const preset = keys.length > 1 && armed != 'key' && keys.includes(armed) ? armed : NEW_KEY;
		const choices = [ NEW_KEY, ...keys ];
		const picked = this.select.value != this.preset && choices.includes(this.select.value) ? this.select.value : null;
		const isNew = fill(this.select, choices, () => choices.map(key =>
			E('option', { 'value': key }, [ key == NEW_KEY ? _('A new key for this device') : key ])));

		if (isNew || preset != this.preset)
			this.select.value = picked ?? preset;

		this.preset = preset;
	},

	/* -- devices with a key of their own */

	setDevices() {
		const devices = this.devices();
		const more = Math.max(0, ...this.bss.map(b => b.devices_more ?? 0));
		const titles = [ _('Name'), _('MAC address'), _('Joined'), _('Actions') ];
		const at = this.focusedDevice();
		const place = (text, href, title) => href ? E('a', { 'href': href, 'title': title }, [ text ]) : text;

		show(this.list, devices.length);
		write(this.more, more ? N_(more, 'and %d more device.', 'and %d more devices.').format(more) : '');

		const leases = devices.map(d => this.page.leases[d.mac?.toUpperCase()]);
		const isNew = fill(this.rows, [ devices, leases, this.page.links ], () => [
			E('tr', { 'class': 'tr table-titles' }, titles.map(title => E('th', { 'class': 'th', 'scope': 'col' }, [ title ]))),
			...devices.map((d, n) => {
				const name = d.name || d.key_id;
				const lease = leases[n] && [ leases[n].hostname, leases[n].ipaddr ].filter(Boolean).join(' · ');
				const button = (kind, verb, label, method) => E('button', {
					'class': `btn cbi-button ${kind}`,
					'style': FITS,
					'data-key-id': d.key_id,
					'data-verb': verb,
					'aria-label': `${label}: ${name}`,
					'click': ui.createHandlerFn(this, method, d),
					'disabled': this.page.isWritable ? null : true
				}, [ label ]);
				const cells = [
					[ E('span', { 'title': d.key_id }, [ name ]) ],
					[
						d.mac ? place(d.mac, this.page.links.stations, _('Associated Stations')) : '-',
						...(lease ? [ E('br'), place(lease, this.page.links.leases, _('DHCP lease')) ] : [])
					],
					[ d.joined ? when(d.joined) : '-' ],
					[ E('div', { 'style': 'display:inline-flex;flex-wrap:wrap;gap:.3em' }, [
						button('cbi-button-neutral', 'rename', _('Rename'), 'handleRename'),
						button('cbi-button-negative', 'remove', _('Remove'), 'handleRemove')
					]) ]
				];

				return E('tr', { 'class': 'tr' }, cells.map((cell, c) =>
					E('td', { 'class': 'td', 'style': WRAPS, 'data-title': titles[c] }, cell)));
			})
		]);

		if (isNew && at)
			this.focusDevice(...at);

		this.setRoom(...this.page.deviceKeys);
	},

	/* How many keys of devices there are, in all networks, of how many; loud when they become few, as wpsd's log is. */
	setRoom(count, most) {
		const advice = count >= most ? REASONS.too_many_devices
			: count > most * 0.9 ? _('Remove devices that are not needed any more.') : '';

		fill(this.room, [ count, most ], () => {
			const words = E('p', [ _('Keys for devices in use on this router: %d of %d.').format(count, most), ' ', advice ]);

			return most ? [ advice ? alert('warning', [ words ]) : words ] : [];
		});
	},

	/* Where the focus is in the list: [ key id, verb, row ], or null */
	focusedDevice() {
		const node = this.rows.contains(document.activeElement) ? document.activeElement : null;

		if (!node?.dataset.keyId)
			return null;

		return [ node.dataset.keyId, node.dataset.verb, this.devicesOf(node.dataset.verb).indexOf(node) ];
	},

	devicesOf(verb) {
		return Array.from(this.rows.querySelectorAll(`button[data-verb="${verb}"]`));
	},

	/* That button again, else the one that took its place, else the list's heading. */
	focusDevice(keyId, verb, row) {
		const all = this.devicesOf(verb);
		const there = all.find(node => node.dataset.keyId == keyId) ?? all[Math.min(row, all.length - 1)];

		if (there)
			there.focus();
		else
			this.focus();
	},

	/* -- focus and messages */

	focus() {
		const there = Object.values(this.buttons).find(b => !b.disabled && !isHidden(b));

		if (there)
			there.focus();
	},

	/* What has to change for a message to be old */
	facts() {
		return JSON.stringify(this.bss.map(b => [
			b.enabled, b.supported, b.reason, b.key_ids, b.session?.id, b.session?.state, b.last?.id, b.last?.connected, b.devices?.length
		]));
	},

	tell(kind, sentence) {
		if (sentence && !this.node.isConnected)
			ui.addNotification(null, E('p', [ `${this.ssid}: ${sentence}` ]), kind);

		this.told = sentence ? { at: Date.now(), facts: this.facts() } : null;
		dom.content(this.message, sentence ? [ alert(kind, [ E('p', [ sentence ]) ]) ] : []);
	},

	/* A message whose cause is gone is taken back. */
	forget() {
		const age = this.told ? Date.now() - this.told.at : 0;

		if (age > TOLD_AT_MOST || (age > TOLD_AT_LEAST && this.told.facts != this.facts()))
			this.tell();
	},

	/* Wait for a call's answer, show what it did (`done` makes [ kind, sentence ] of the answer), and say so if it did nothing.
	   A radio that is restarted, or waits for its channel, takes longer than LuCI waits for an answer.
	   `at`: where in the list of devices the focus was */
	act(call, done, at) {
		this.tell();

		return call.catch(error => error).then(answer => {
			return this.page.refresh().then(() => {
				const sentence = refusal(answer, this.why());

				if (sentence == TROUBLES.hangs)
					this.tell('notice', _('It takes longer than usual. This page shows how it ends.'));
				else if (sentence)
					this.tell('danger', sentence);
				else if (answer.disrupted)
					this.tell('warning', _('The radio was restarted, and its clients had to reconnect. This does not happen again.'));
				else if (done)
					this.tell(...done(answer));
			});
		}).then(() => this.takeFocus(at));
	},

	/* The button that was pressed has lost the focus; give it to the next one if nobody else took it. */
	takeFocus(at) {
		window.setTimeout(() => {
			if (document.activeElement !== document.body)
				return;

			if (at)
				this.focusDevice(...at);
			else
				this.focus();
		}, 0);
	},

	unlessDropping(isCold, call) {
		return (isCold ? confirmDrop(this.ssid) : Promise.resolve(true)).then(yes => yes ? this.act(call()) : this.takeFocus());
	},

	handleStart() {
		return this.unlessDropping(this.coldStart, () => callStart(...this.target, this.select.value || undefined));
	},

	handleCancel() {
		return this.act(callCancel(...this.target));
	},

	handleEnable() {
		return this.unlessDropping(this.coldEnable, () => callConfigure(...this.target, true));
	},

	handleDisable() {
		return this.act(callConfigure(...this.target, false));
	},

	handleQr() {
		return showQr(this.ssid).catch(() => this.tell('warning', _('There is no password to show: UCI has none for this network.'))).then(() => {
			window.setTimeout(() => this.qr.focus(), 0);
		});
	},

	handleRename(d, ev) {
		const at = [ d.key_id, 'rename', this.devicesOf('rename').indexOf(ev.currentTarget) ];

		return askName(d.name || d.key_id).then(name => {
			if (name === null || name == d.name)
				return this.takeFocus(at);

			return this.act(callRename(d.key_id, name), () => [ 'success', _('The device is called “%s” now.').format(name) ], at);
		});
	},

	handleRemove(d, ev) {
		const at = [ d.key_id, 'remove', this.devicesOf('remove').indexOf(ev.currentTarget) ];
		const name = d.name || d.key_id;

		return confirmRemoval(name).then(yes => {
			if (!yes)
				return this.takeFocus(at);

			return this.act(callRevoke(d.key_id), answer => answer.revoked
				? [ 'success', _('“%s” was removed: its key is not valid any more.').format(name) ]
				: [ 'warning', NOT_THERE ], at);
		});
	}
});

/* -- the page -- */

function ask() {
	return callStatus().catch(error => error);
}

/* Whether the router answers at all, wpsd or no wpsd */
function isAlive() {
	const late = new Promise(resolve => window.setTimeout(resolve, PATIENCE, false));

	return Promise.race([ rpc.list('session').then(() => true, () => false), late ]);
}

return view.extend({
	handleSave: null,
	handleSaveApply: null,
	handleReset: null,

	load() {
		return ask();
	},

	render(answer) {
		this.isWritable = !!L.hasViewPermission();
		this.mayReadKey = this.maySeeLeases = false;
		this.leases = {};
		this.links = {};
		this.deviceKeys = [];
		this.networks = new Map();
		this.ambiguous = new Map();
		this.asked = this.shown = 0;
		this.trouble = E('div', { 'role': 'alert' });
		this.cards = E('div');
		this.none = E('p', { 'class': 'cbi-section' }, [ _('There is no Wi-Fi network: no access point is running.') ]);
		this.rows = E('table', { 'class': 'table', 'aria-labelledby': 'wpsd-last' });
		this.content = E('div', [
			this.cards,
			this.none,
			E('div', { 'class': 'cbi-section', 'style': APART }, [
				E('h3', { 'id': 'wpsd-last' }, [ _('Last sessions') ]),
				this.rows
			])
		]);
		this.update(answer);
		this.learnRights();

		poll.add(() => document.hidden ? null : this.refresh(), 1);
		poll.add(() => document.hidden ? null : this.updateLeases(), 30);
		document.addEventListener('visibilitychange', () => {
			if (!document.hidden)
				this.refresh();
		});

		return E('div', { 'class': 'cbi-map' }, [
			E('h2', [ _('WPS') ]),
			E('div', { 'class': 'cbi-map-descr' }, [
				_('A device joins a network at the press of a button: start WPS here, then press the WPS button of the device within two minutes.')
			]),
			this.isWritable ? '' : alert('notice', [ E('p', [ _('You may look at this page but change nothing.') ]) ]),
			this.trouble,
			this.content
		]);
	},

	/* What LuCI lets this user do elsewhere: read the key, see the leases, open the pages with the stations and the leases. */
	learnRights() {
		const may = (...what) => L.resolveDefault(callAccess(...what), false);

		return Promise.all([
			may('uci', 'wireless', 'read'),
			may('ubus', 'luci-rpc', 'getDHCPLeases'),
			L.resolveDefault(ui.menu.load(), null)
		]).then(([ mayReadKey, maySeeLeases, menu ]) => {
			const page = path => {
				const node = path.split('/').reduce((at, name) => at?.children?.[name], menu);

				return node?.satisfied ? L.url(path) : null;
			};

			Object.assign(this, { mayReadKey, maySeeLeases });
			this.links = {
				stations: page('admin/network/wireless') ?? page('admin/status/overview'),
				leases: page('admin/network/dhcp') ?? page('admin/status/overview')
			};

			return this.updateLeases();
		}).then(() => this.refresh());
	},

	updateLeases() {
		const hasDevices = [ ...this.networks.values() ].some(network => network.devices().length);

		if (!this.maySeeLeases || !hasDevices)
			return null;

		return L.resolveDefault(callLeases(), []).then(leases => {
			this.leases = Object.fromEntries(leases.map(lease => [ lease.macaddr?.toUpperCase(), lease ]));
		});
	},

	/* An answer that was overtaken by a later question's is not shown. While one is late, the page says who is silent. */
	refresh() {
		const number = ++this.asked;
		const slow = window.setTimeout(() => isAlive().then(is => {
			if (number > this.shown)
				this.setTrouble(is ? 'hangs' : 'away');
		}), PATIENCE);

		return ask().then(answer => {
			window.clearTimeout(slow);

			if (number < this.shown)
				return;

			this.shown = number;

			return this.update(answer);
		});
	},

	update(answer) {
		const trouble = troubleOf(answer);

		if (trouble === undefined)
			return isAlive().then(is => this.setTrouble(is ? 'hangs' : 'away'));

		this.setTrouble(trouble);

		if (trouble)
			return;

		this.deviceKeys = [ answer.device_keys, answer.device_keys_most ];
		this.updateNetworks(answer.bss);

		return this.updateHistory(answer.bss);
	},

	setTrouble(trouble) {
		fill(this.trouble, trouble, () => trouble ? [ alert('warning', [ E('p', [ TROUBLES[trouble] ]) ]) ] : []);
		show(this.content, !trouble);

		if (trouble)
			this.listed = null;
	},

	/* [ ssid, ifname ] for wpsd. An SSID of odd bytes and one of their escapes look the same; wpsd then wants the ifname. */
	targetOf(bss, all) {
		const same = all.filter(b => b.ssid == bss.ssid);

		if (same.length < 2 || !bss.ssid.includes('\\x'))
			return [ bss.ssid, undefined ];

		const key = same.map(b => b.ifname).join(' ');

		if (!this.ambiguous.has(key)) {
			this.ambiguous.set(key, false);
			callStatus(bss.ssid).catch(error => error).then(answer => {
				if (troubleOf(answer) === null)
					return;

				if (answer === 2 || answer?.code == 'ambiguous')
					this.ambiguous.set(key, true);
				else
					this.ambiguous.delete(key);
			});
		}

		return this.ambiguous.get(key) ? [ undefined, bss.ifname ] : [ bss.ssid, undefined ];
	},

	updateNetworks(all) {
		const groups = new Map();

		for (const bss of all) {
			const target = this.targetOf(bss, all);
			const name = JSON.stringify(target);

			if (!groups.has(name))
				groups.set(name, { target, bss: [] });

			groups.get(name).bss.push(bss);
		}

		this.networks.forEach((network, name) => {
			if (!groups.has(name)) {
				network.node.remove();
				this.networks.delete(name);
			}
		});

		let at = 0;

		groups.forEach(({ target, bss }, name) => {
			if (!this.networks.has(name))
				this.networks.set(name, new Network(bss[0].ssid, target, this));

			const network = this.networks.get(name);

			if (this.cards.children[at] !== network.node)
				this.cards.insertBefore(network.node, this.cards.children[at] ?? null);

			network.update(bss);
			at++;
		});

		const enabled = [ ...this.networks.values() ].filter(network => network.bss.some(b => network.isReady(b)));

		this.networks.forEach(network => network.setBig(enabled.length == 1));
		show(this.none, !groups.size);
	},

	/* The history is asked for when something in it may be new, and again until it is had. */
	updateHistory(all) {
		const news = JSON.stringify(all.map(b => [ b.last?.id, b.last?.ended, b.last?.connected, b.session?.id ]));

		if (this.listed == news)
			return;

		this.listed = news;

		return callHistory().catch(error => error).then(answer => {
			if (Array.isArray(answer?.sessions))
				return this.setHistory(answer.sessions);

			this.listed = null;

			/* LuCI has stopped the poll: nothing else would tell */
			if (answer instanceof Error && troubleOf(answer) == 'expired')
				this.setTrouble('expired');
		});
	},

	setHistory(sessions) {
		const titles = [ _('Ended'), _('Network'), _('Device'), _('Key'), _('Result') ];

		fill(this.rows, sessions, () => [
			E('tr', { 'class': 'tr table-titles' }, titles.map(title => E('th', { 'class': 'th', 'scope': 'col' }, [ title ]))),
			...sessions.map(last => {
				const { kind, title, sentence } = ending(last);
				const cells = [
					[ when(last.ended) ],
					[ last.ssid ],
					[ last.mac || last.name ? device(last) : '-' ],
					[ last.key_id || '-' ],
					[ E('span', { 'aria-hidden': 'true' }, [ ICONS[kind], ' ' ]), E('span', { 'title': sentence }, [ title ]) ]
				];

				return E('tr', { 'class': 'tr' }, cells.map((cell, at) =>
					E('td', { 'class': 'td', 'style': WRAPS, 'data-title': titles[at] }, cell)));
			}),
			...(sessions.length ? [] : [ E('tr', { 'class': 'tr placeholder' }, [
				E('td', { 'class': 'td', 'colspan': titles.length }, [ E('em', [ _('There was no session yet.') ]) ])
			]) ])
		]);
	}
});
