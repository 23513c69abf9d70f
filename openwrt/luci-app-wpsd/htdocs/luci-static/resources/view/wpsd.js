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
 * key that was picked. A network is all BSSs with one SSID. Read it in this order: the words (what a status
 * number, a state, a result is called), the Network (one SSID on the page), the view (the poll).
 *
 * dom.append() takes a string for HTML and an array's strings for text: whatever comes from the air or
 * from wpsd (an SSID, a device's name) goes in as [ text ] or as textContent.
 */

const WALK_TIME = 120;

const callStatus = rpc.declare({ object: 'wps', method: 'status' });
const callStart = rpc.declare({ object: 'wps', method: 'start', params: [ 'ssid', 'key_id' ] });
const callCancel = rpc.declare({ object: 'wps', method: 'cancel', params: [ 'ssid' ] });
const callConfigure = rpc.declare({ object: 'wps', method: 'configure', params: [ 'ssid', 'wps' ] });

/* -- words -- */

/* A call's answer is wpsd's data, a bare status number or an Error; wpsd's own sentence and code come
   along with some versions of the web server and get lost in others. */

function refusal(answer, reason) {
	const code = L.isObject(answer) ? answer.code : null;

	if (answer instanceof Error)
		return unreachable(answer);

	if (code == 'not_supported' || answer === 8)
		return _('This network can not do WPS.') + (reason ? ' ' + reason : '');

	if (code == 'overlap')
		return _('Two devices asked within two minutes. Leave one of them alone, wait two minutes and start again.');

	if (code == 'session_active')
		return _('A session is running. Wait for its end, or cancel it.');

	if (code == 'not_enabled')
		return _('WPS is not enabled on this network.');

	if (code == 'no_such_ssid' || code == 'no_such_key_id' || code == 'no_section' || answer === 4)
		return _('This network or this key is not there any more.');

	if (code == 'uci' || answer === 9)
		return _('The configuration could not be written: the flash memory is full or read-only.');

	if (code == 'no_hostapd' || answer === 10)
		return _('The access point can not be reached: hostapd is not running, or the radio is off.');

	if (answer === 2)
		return _('The WPS service did not understand the request. Reload this page and try again.');

	if (answer === 6)
		return _('This is not allowed now: WPS is not enabled on this network, a session is running, or two devices asked within the last two minutes.');

	if (answer === 7)
		return _('The access point did not confirm in time. Nothing is left half-done; try again.');

	if (L.isObject(answer))
		return answer.error || null;

	return answer ? _('It failed with the status %d.').format(answer) : null;
}

/* Why there is nothing to show, or null. */
function unreachable(answer) {
	if (L.isObject(answer) && Array.isArray(answer.bss))
		return null;

	if (answer instanceof Error && !/-3200[02]\b/.test(answer.message))
		return _('The router does not answer. This page goes on by itself as soon as it does.');

	if (answer instanceof Error && /-32002\b/.test(answer.message))
		return _('You have no permission for this.');

	if (answer === 7)
		return _('The WPS service does not answer. This page goes on by itself as soon as it does.');

	return _('The WPS service (wpsd) is not running. This page goes on by itself as soon as it is.');
}

function device(session) {
	if (session.name && session.mac)
		return '%s (%s)'.format(session.name, session.mac);

	return session.name || session.mac || _('A device');
}

function progress(session) {
	switch (session.state) {
	case 'preparing':
	case 'activating':
		return _('WPS is being opened…');

	case 'finishing':
		return _('WPS is being closed…');
	}

	const words = session.mac
		? [ _('%s asks to join and gets the key “%s”.').format(device(session), session.key_id) ]
		: [ _('Press the WPS button of the device now. It gets the key “%s”.').format(session.key_id) ];

	if (session.attempts)
		words.push(N_(session.attempts, '%d attempt so far.', '%d attempts so far.').format(session.attempts));

	if (session.external)
		words.push(_('Another program started this session.'));

	return words.join(' ');
}

function ending(last) {
	switch (last.result) {
	case 'success':
		return (last.connected
			? _('%s got the key “%s” and is connected.')
			: _('%s got the key “%s” and has not connected with it yet.')).format(device(last), last.key_id);

	case 'timeout':
		return last.mac
			? _('%s was seen but did not get in before the time was over.').format(device(last))
			: _('No device was seen before the time was over.');

	case 'overlap':
		return _('Two devices asked at once, and neither got in. Leave one of them alone, wait two minutes and start again.');

	case 'cancelled':
		return _('The session was cancelled.');

	case 'interrupted':
		return _('The session was interrupted: the access point restarted or went away.');

	case 'failed':
		return _('The session failed: %s').format(last.error);
	}

	return last.result;
}

function outcome(last) {
	switch (last.result) {
	case 'success':
		return last.connected ? _('Connected') : _('Key handed over');

	case 'timeout':
		return _('Timed out');

	case 'overlap':
		return _('Two devices at once');

	case 'cancelled':
		return _('Cancelled');

	case 'interrupted':
		return _('Interrupted');

	case 'failed':
		return _('Failed');
	}

	return last.result;
}

/* -- helpers -- */

function show(node, visible) {
	node.style.display = visible ? '' : 'none';
}

/* Only a change: a screen reader speaks up when the text of a live region is set. */
function write(node, text) {
	if (node.textContent !== text)
		node.textContent = text;
}

function isHidden(node) {
	return node.offsetParent === null;
}

/* Resolves to whether the user wants that. */
function confirmDrop(ssid) {
	return new Promise(function(resolve) {
		const answer = function(yes) {
			document.activeElement.blur();
			ui.hideModal();
			resolve(yes);
		};
		const cancel = E('button', {
			'class': 'btn cbi-button',
			'click': function() { answer(false) }
		}, [ _('Leave it') ]);

		const dialog = ui.showModal(_('Clients will be disconnected'), [
			E('p', [ _('hostapd was started without WPS on “%s”. It has to restart the radio, and all clients of that radio have to reconnect. This happens only once.').format(ssid) ]),
			E('div', { 'class': 'right' }, [
				cancel, ' ',
				E('button', {
					'class': 'btn cbi-button cbi-button-negative important',
					'click': function() { answer(true) }
				}, [ _('Continue') ])
			])
		]);
		dialog.querySelector('h4').id = 'wpsd-drop';
		dialog.setAttribute('aria-labelledby', 'wpsd-drop');
		cancel.focus();
	});
}

/* -- a network: its place on the page -- */

let lastId = 0;

const Network = baseclass.extend({
	/* wpsd's sentences for a network that can't do WPS, listed here to have them translated. */
	reasons: [
		_('A Multi-AP backhaul does not take WPS devices.'),
		_('A hidden SSID can\'t be used with WPS.'),
		_('OWE has no key to give out.'),
		_('TKIP without CCMP is not allowed with WPS.'),
		_('The network is open: there is no key to give out.'),
		_('There is no SSID.'),
		_('There is no WPS on 6 GHz.'),
		_('There is no control socket (ctrl_interface).'),
		_('There is no wpa_psk_file, so no key can be armed.'),
		_('UCI has no wifi-iface section for it.'),
		_('WEP can\'t be given out by WPS.'),
		_('WPA without WPA2 is not allowed with WPS.'),
		_('WPA-Enterprise has no key to give out.'),
		_('WPA3 alone (SAE without WPA-PSK) does not work with WPS.'),
		_('hostapd was built without WPS: install wpad-mbedtls (not wpad-basic-mbedtls).')
	],

	__init__: function(ssid, writable, refresh) {
		const id = 'wpsd-%d'.format(++lastId);
		const button = L.bind(function(kind, label, method) {
			return E('button', {
				'class': 'btn cbi-button ' + kind,
				'click': ui.createHandlerFn(this, method),
				'disabled': writable ? null : true
			}, [ label ]);
		}, this);

		this.ssid = ssid;
		this.refresh = refresh;
		this.bss = [];
		this.totals = {};

		this.label = E('span', { 'class': 'label' });
		this.places = E('p');
		this.reason = E('p');
		this.sentence = E('p', { 'role': 'status' });
		this.bar = E('div');
		this.progress = E('div', {
			'class': 'cbi-progressbar',
			'role': 'progressbar',
			'aria-label': _('Time left'),
			'aria-valuemin': 0
		}, [ this.bar ]);
		this.message = E('div', { 'role': 'alert' });
		this.select = E('select', {
			'id': id + '-key',
			'class': 'cbi-input-select',
			'disabled': writable ? null : true
		});
		this.choice = E('div', { 'class': 'cbi-value' }, [
			E('label', { 'class': 'cbi-value-title', 'for': id + '-key' }, [ _('Key that the device gets') ]),
			E('div', { 'class': 'cbi-value-field' }, [ this.select ])
		]);
		this.buttons = {
			cancel: button('cbi-button-negative', _('Cancel WPS'), 'handleCancel'),
			start: button('cbi-button-action important', _('Start WPS'), 'handleStart'),
			enable: button('cbi-button-positive', _('Enable WPS'), 'handleEnable'),
			disable: button('cbi-button-neutral', _('Disable WPS'), 'handleDisable')
		};
		this.actions = E('div', { 'class': 'right' }, [
			this.buttons.enable, ' ', this.buttons.disable, ' ', this.buttons.cancel, ' ', this.buttons.start
		]);
		this.node = E('div', { 'class': 'cbi-section', 'role': 'group', 'aria-labelledby': id }, [
			E('h3', [ E('span', { 'id': id }, [ ssid ]), ' ', this.label ]),
			E('div', { 'class': 'cbi-section-node' }, [
				this.places, this.reason, this.sentence, this.progress, this.choice, this.message, this.actions
			])
		]);
	},

	update: function(bss) {
		const able = bss.filter(function(b) { return b.supported });
		const enabled = able.filter(function(b) { return b.enabled });
		const session = bss.map(function(b) { return b.session }).find(function(s) { return s });
		const last = bss.map(function(b) { return b.last }).filter(function(l) { return l })
			.sort(function(a, b) { return b.ended - a.ended || b.id - a.id })[0];
		const keys = (enabled[0] ? enabled[0].key_ids : []).filter(function(key) {
			return enabled.every(function(b) { return b.key_ids.includes(key) });
		});
		const focused = this.node.contains(document.activeElement) ? document.activeElement : null;

		this.bss = bss;
		this.coldStart = enabled.some(function(b) { return b.cold });
		this.coldEnable = able.some(function(b) { return b.cold && !b.enabled });

		if (session)
			this.setLabel('warning', _('Running'));
		else if (enabled.length)
			this.setLabel('notice', _('Enabled'));
		else if (able.length)
			this.setLabel('', _('Disabled'));
		else
			this.setLabel('', _('Not possible'));

		this.setPlaces();
		write(this.reason, this.why() || (enabled.length && !keys.length ? _('It has no shared key that could be given out.') : ''));
		write(this.sentence, session ? progress(session) : last ? ending(last) : '');
		this.setProgress(session);
		this.setKeys(keys, enabled[0] && !session ? enabled[0].wps_pbc_key_id : null);

		show(this.reason, this.reason.textContent);
		show(this.sentence, this.sentence.textContent);
		show(this.choice, keys.length && !session);
		show(this.buttons.cancel, session);
		show(this.buttons.start, keys.length && !session);
		show(this.buttons.enable, !session && able.some(function(b) { return !b.enabled && !b.reason }));
		show(this.buttons.disable, !session && enabled.length);

		if (focused && isHidden(focused))
			this.focus();
	},

	setLabel: function(kind, text) {
		this.label.className = kind ? 'label ' + kind : 'label';
		write(this.label, text);
	},

	setPlaces: function() {
		const names = this.bss.map(function(b) { return b.ifname });

		if (this.named == names.join(' '))
			return;

		this.named = names.join(' ');
		dom.content(this.places, []);
		names.forEach(L.bind(function(name) {
			dom.append(this.places, [ E('span', { 'class': 'ifacebadge' }, [ name ]), ' ' ]);
		}, this));
	},

	/* In one sentence if it is the same for all; else each is named. */
	why: function() {
		const why = this.bss.filter(function(b) { return b.reason })
			.map(function(b) { return [ b.ifname, _(b.reason) ] });
		const isSame = why.length == this.bss.length && why.every(function(w) { return w[1] == why[0][1] });

		return isSame && why.length ? why[0][1] : why.map(function(w) { return w.join(': ') }).join(' ');
	},

	setProgress: function(session) {
		show(this.progress, session);

		if (!session)
			return;

		const total = Math.max(session.timeout || this.totals[session.id] || WALK_TIME, session.remaining);
		const left = _('%s left').format('%d:%02d'.format(session.remaining / 60, session.remaining % 60));

		this.bar.style.width = '%d%%'.format(100 * session.remaining / total);
		dom.attr(this.progress, {
			'title': left,
			'aria-valuemax': total,
			'aria-valuenow': session.remaining,
			'aria-valuetext': left
		});
	},

	/* The default is preselected until the user picks another. */
	setKeys: function(keys, preset) {
		const current = Array.from(this.select.options, function(option) { return option.value });
		const picked = this.select.value != this.preset && keys.includes(this.select.value) ? this.select.value : null;

		if (current.join(' ') != keys.join(' ')) {
			dom.content(this.select, keys.map(function(key) { return E('option', { 'value': key }, [ key ]) }));
			this.select.value = picked || (keys.includes(this.preset) ? this.preset : keys[0]);
		}

		if (preset && preset != this.preset && keys.includes(preset)) {
			this.preset = preset;
			this.select.value = picked || preset;
		}
	},

	focus: function() {
		const there = Object.values(this.buttons).find(function(b) { return !b.disabled && !isHidden(b) });

		if (there)
			there.focus();
	},

	tell: function(kind, sentence) {
		if (sentence && !this.node.isConnected)
			ui.addNotification(null, E('p', [ '%s: %s'.format(this.ssid, sentence) ]), kind);

		dom.content(this.message, sentence ? [ E('div', { 'class': 'alert-message ' + kind }, [ E('p', [ sentence ]) ]) ] : []);
	},

	/* Wait for a call's answer, show what it did, and say so if it did nothing. */
	act: function(call) {
		this.tell();

		return call.catch(function(error) { return error }).then(L.bind(function(answer) {
			const sentence = refusal(answer, this.why());

			if (!sentence && answer.session)
				this.totals[answer.session] = answer.remaining;

			return this.refresh().then(L.bind(function() {
				if (sentence)
					this.tell('danger', sentence);
				else if (answer.disrupted)
					this.tell('warning', _('The radio was restarted, and its clients had to reconnect. This does not happen again.'));
			}, this));
		}, this)).then(L.bind(this.takeFocus, this));
	},

	/* The button that was pressed has lost the focus; give it to the next one if nobody else took it. */
	takeFocus: function() {
		window.setTimeout(L.bind(function() {
			if (document.activeElement === document.body)
				this.focus();
		}, this), 0);
	},

	unlessDropping: function(isCold, call) {
		return (isCold ? confirmDrop(this.ssid) : Promise.resolve(true)).then(L.bind(function(yes) {
			return yes ? this.act(call()) : this.takeFocus();
		}, this));
	},

	handleStart: function() {
		return this.unlessDropping(this.coldStart, L.bind(function() {
			return callStart(this.ssid, this.select.value || undefined);
		}, this));
	},

	handleCancel: function() {
		return this.act(callCancel(this.ssid));
	},

	handleEnable: function() {
		return this.unlessDropping(this.coldEnable, L.bind(function() {
			return callConfigure(this.ssid, true);
		}, this));
	},

	handleDisable: function() {
		return this.act(callConfigure(this.ssid, false));
	}
});

/* -- the page -- */

function ask() {
	return callStatus().catch(function(error) { return error });
}

return view.extend({
	handleSave: null,
	handleSaveApply: null,
	handleReset: null,

	load: ask,

	render: function(answer) {
		const isReadonly = !L.hasViewPermission();

		this.isWritable = !isReadonly;
		this.networks = new Map();
		this.asked = this.shown = 0;
		this.trouble = E('div', { 'role': 'alert' });
		this.cards = E('div');
		this.none = E('p', { 'class': 'cbi-section' }, [ _('There is no Wi-Fi network: no access point is running.') ]);
		this.rows = E('table', { 'class': 'table', 'aria-labelledby': 'wpsd-last' });
		this.content = E('div', [
			this.cards,
			this.none,
			E('div', { 'class': 'cbi-section' }, [
				E('h3', { 'id': 'wpsd-last' }, [ _('Last sessions') ]),
				this.rows
			])
		]);
		this.update(answer);

		poll.add(L.bind(function() {
			return document.hidden ? null : this.refresh();
		}, this), 1);
		document.addEventListener('visibilitychange', L.bind(function() {
			if (!document.hidden)
				this.refresh();
		}, this));

		return E('div', { 'class': 'cbi-map' }, [
			E('h2', [ _('WPS') ]),
			E('div', { 'class': 'cbi-map-descr' }, [
				_('A device joins a network at the press of a button: start WPS here, then press the WPS button of the device within two minutes.')
			]),
			isReadonly ? E('div', { 'class': 'alert-message notice' }, [
				E('p', [ _('You may look at this page but change nothing.') ])
			]) : '',
			this.trouble,
			this.content
		]);
	},

	/* An answer that was overtaken by a later question's is not shown. */
	refresh: function() {
		const number = ++this.asked;

		return ask().then(L.bind(function(answer) {
			if (number < this.shown)
				return;

			this.shown = number;
			this.update(answer);
		}, this));
	},

	update: function(answer) {
		const trouble = unreachable(answer);

		if (trouble != this.troubled) {
			this.troubled = trouble;
			dom.content(this.trouble, trouble ? [ E('div', { 'class': 'alert-message warning' }, [ E('p', [ trouble ]) ]) ] : []);
		}

		show(this.content, !trouble);

		if (!trouble) {
			this.updateNetworks(answer.bss);
			this.updateLast(answer.bss);
		}
	},

	updateNetworks: function(all) {
		const ssids = all.map(function(b) { return b.ssid }).filter(function(ssid, at, list) { return list.indexOf(ssid) == at });

		this.networks.forEach(L.bind(function(network, ssid) {
			if (!ssids.includes(ssid)) {
				network.node.remove();
				this.networks.delete(ssid);
			}
		}, this));

		ssids.forEach(L.bind(function(ssid, at) {
			if (!this.networks.has(ssid))
				this.networks.set(ssid, new Network(ssid, this.isWritable, L.bind(this.refresh, this)));

			const network = this.networks.get(ssid);

			if (this.cards.children[at] !== network.node)
				this.cards.insertBefore(network.node, this.cards.children[at] || null);

			network.update(all.filter(function(b) { return b.ssid == ssid }));
		}, this));

		show(this.none, !ssids.length);
	},

	/* A session of several BSSs is the last one of each. */
	updateLast: function(all) {
		const known = {};

		all.forEach(function(b) {
			if (b.last)
				known[b.last.id + ' ' + b.last.ended] = Object.assign({ ssid: b.ssid }, b.last);
		});

		const lasts = Object.values(known).sort(function(a, b) { return b.ended - a.ended || b.id - a.id });
		const titles = [ _('Ended'), _('Network'), _('Device'), _('Key'), _('Result') ];

		if (this.listed == JSON.stringify(lasts))
			return;

		this.listed = JSON.stringify(lasts);
		dom.content(this.rows, [
			E('tr', { 'class': 'tr table-titles' }, titles.map(function(title) {
				return E('th', { 'class': 'th', 'scope': 'col' }, [ title ]);
			}))
		].concat(lasts.map(function(last) {
			const cells = [
				new Date(last.ended * 1000).toLocaleString(document.documentElement.lang || undefined),
				last.ssid, last.mac || last.name ? device(last) : '-', last.key_id, outcome(last)
			];

			return E('tr', { 'class': 'tr' }, cells.map(function(cell, at) {
				return E('td', { 'class': 'td', 'data-title': titles[at] }, [ cell ]);
			}));
		})));

		if (!lasts.length)
			dom.append(this.rows, E('tr', { 'class': 'tr placeholder' }, [
				E('td', { 'class': 'td', 'colspan': titles.length }, [ E('em', [ _('There was no session yet.') ]) ])
			]));
	}
});
