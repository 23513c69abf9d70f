// SPDX-License-Identifier: BSD-3-Clause
'use strict';

/*
 * A stand-in for LuCI's runtime in the browser: what a view can use of it, written from its documented
 * behaviour. Its traps are kept: a string given to E() or dom.content() is HTML (an array's strings are
 * text), createHandlerFn() disables the button and takes the focus from it, an argument that is undefined
 * is not sent, a call that fails resolves to a number, one without an answer is given up after 20 s, and one that
 * is denied to a session that is over ends the polling and puts a dialog in front.
 *
 * In this order: text (_, N_, format), dom, poll, rpc, ui, view, L.
 */

(function() {

/* -- text -- */

window.sfh = text => text;      // LuCI's translations are keyed by a hash

window._ = (text, context) => (window.TR || {})[sfh((context ? context + '\u0001' : '') + text)] || text;

window.N_ = (n, one, many) => (window.TR || {})[sfh(one + '\u0002' + (n == 1 ? 0 : 1))] || (n == 1 ? one : many);

Object.defineProperty(String.prototype, 'format', {
	value(...values) {
		return this.replace(/%(0?)(\d*)([sdh%])/g, (all, zero, width, kind) => {
			if (kind == '%')
				return '%';
			if (!values.length)
				return '';
			let value = values.shift();
			if (kind == 'd')
				value = Math.floor(Number(value) || 0);
			if (kind == 'h')
				value = new Option(value).innerHTML;
			return String(value).padStart(Number(width), zero || ' ');
		});
	}
});

/* -- classes -- */

class Base {
	constructor(...values) {
		if (this.__init__)
			this.__init__(...values);
	}

	static extend(members) {
		const Derived = class extends this {};
		Object.assign(Derived.prototype, members);
		return Derived;
	}
}

/* -- dom -- */

const dom = {
	elem: node => node instanceof Node,

	append(node, children) {
		if (Array.isArray(children))
			children.filter(child => child != null).forEach(child => node.append(child));
		else if (dom.elem(children))
			node.append(children);
		else if (children != null)
			node.innerHTML = String(children);
		return node.lastChild;
	},

	content(node, children) {
		node.replaceChildren();
		return dom.append(node, children);
	},

	attr(node, name, value) {
		const all = typeof name == 'object' ? name : { [name]: value };
		for (const [ key, each ] of Object.entries(all || {})) {
			if (typeof each == 'function')
				node.addEventListener(key, each);
			else if (each != null)
				node.setAttribute(key, typeof each == 'object' ? JSON.stringify(each) : each);
		}
	},

	create(name, attributes, children) {
		if (Array.isArray(attributes) || dom.elem(attributes) || typeof attributes != 'object')
			[ attributes, children ] = [ null, attributes ];
		const node = Array.isArray(name) ? document.createDocumentFragment()
			: name.startsWith('<') ? new DOMParser().parseFromString(name, 'text/html').body.firstChild
				: document.createElement(name);
		dom.attr(node, attributes);
		dom.append(node, children);
		return node;
	}
};

window.E = dom.create;

/* -- poll -- */

const poll = {
	queue: [],

	add(work, seconds) {
		poll.queue.push({ work, seconds: seconds || 5, isBusy: false });
		poll.start();
		return true;
	},

	start() {
		if (poll.timer)
			return;
		let tick = 0;
		const step = () => {
			for (const entry of poll.queue) {
				if (tick % entry.seconds || entry.isBusy)
					continue;
				entry.isBusy = true;
				Promise.resolve(entry.work()).finally(() => { entry.isBusy = false; });
			}
			tick++;
		};
		poll.timer = setInterval(step, 1000);
		step();
	},

	stop() {
		clearInterval(poll.timer);
		poll.timer = null;
	}
};

/* -- rpc -- */

let requests = 0;

async function request(what, params) {
	const call = { jsonrpc: '2.0', id: ++requests, method: what, params };
	const signal = AbortSignal.timeout(1000 * (L.env.rpctimeout || 20));
	const response = await fetch(L.env.ubuspath, { method: 'POST', body: JSON.stringify(call), signal }).catch(error => {
		throw new Error(error.name == 'TimeoutError' ? 'XHR request timed out' : 'XHR request aborted by browser');
	});
	if (!response.ok)
		L.raise('RPCError', 'HTTP error %d'.format(response.status));
	return response.json();
}

async function notifySessionExpiry() {
	poll.stop();
	ui.showModal(_('Session expired'), [ E('div', { 'class': 'right' }, [ E('button', { 'class': 'btn' }, [ _('Log in…') ]) ]) ]);
	L.raise('SessionError', 'Login session is expired');
}

const rpc = {
	list: async (...paths) => (await request('list', paths)).result,

	declare: options => async (...values) => {
		const given = Object.fromEntries((options.params || []).map((name, at) => [ name, values[at] ]));
		const answer = await request('call', [ L.env.sessionid, options.object, options.method, given ]);
		if (answer.error) {
			if (answer.error.code == -32002 && options.object != 'session')
				await rpc.declare({ object: 'session', method: 'access', params: [ 'scope', 'object', 'function' ] })('uci', 'luci', 'read')
					.catch(notifySessionExpiry);
			L.raise('RPCError', 'RPC call to %s/%s failed with error %d: %s'
				.format(options.object, options.method, answer.error.code, answer.error.message));
		}
		let value = answer.result.length > 1 ? answer.result[1] : answer.result[0];
		for (const [ key, missing ] of Object.entries(options.expect || {})) {
			value = key && value != null ? value[key] : value;
			if (Object.prototype.toString.call(value) != Object.prototype.toString.call(missing))
				value = missing;
		}
		return value;
	}
};

/* -- ui -- */

const ui = {
	createHandlerFn(that, method, ...values) {
		const work = typeof method == 'string' ? that[method] : method;
		return event => {
			const button = event.currentTarget;
			button.classList.add('spinning');
			button.disabled = true;
			button.blur();
			Promise.resolve(work.call(that, ...values, event)).finally(() => {
				button.classList.remove('spinning');
				button.disabled = false;
			});
		};
	},

	addNotification(title, children, ...classes) {
		const notice = E('div', { 'class': [ 'alert-message', ...classes ].join(' ') });
		if (title != null)
			dom.append(notice, E('h4', {}, title));
		dom.append(notice, children);
		dom.append(notice, E('button', { 'class': 'btn', 'click': () => notice.remove() }, [ _('Dismiss') ]));
		document.getElementById('maincontent').prepend(notice);
		return notice;
	},

	menu: {
		load: async () => (await fetch(L.url('admin/menu'))).json()
	},

	/* The dialog stays in the document and keeps the focus for a moment when it is hidden. */
	showModal(title, children) {
		const overlay = document.getElementById('modal_overlay') || E('div', {
			'id': 'modal_overlay', 'tabindex': -1,
			'keydown': event => event.key == 'Escape' && overlay.querySelector('.right > button')?.click()
		}, [ E('div', { 'class': 'modal', 'role': 'dialog', 'aria-modal': 'true' }) ]);
		const dialog = overlay.firstChild;
		document.body.append(overlay);
		dom.content(dialog, E('h4', {}, title));
		dom.append(dialog, children);
		document.body.classList.add('modal-overlay-active');
		overlay.focus();
		return dialog;
	},

	hideModal() {
		document.body.classList.remove('modal-overlay-active');
		document.getElementById('modal_overlay').blur();
	}
};

/* -- view -- */

const View = Base.extend({
	load() {},
	render() {},
	handleSave() {},
	handleSaveApply() {},
	handleReset() {},

	async show() {
		const place = document.getElementById('view');
		dom.content(place, await this.render(await this.load()));
		for (const [ method, label ] of [ [ 'handleSaveApply', 'Save & Apply' ], [ 'handleSave', 'Save' ], [ 'handleReset', 'Reset' ] ])
			if (this[method])
				place.append(E('button', { 'class': 'btn' }, [ label ]));
	}
});

/* -- L -- */

const modules = { baseclass: Base, view: View, poll, rpc, dom, ui };

window.L = {
	env: {},
	bind: (work, that, ...values) => work.bind(that, ...values),
	isObject: value => value != null && typeof value == 'object',
	resolveDefault: (promise, value) => Promise.resolve(promise).catch(() => value),
	hasViewPermission: () => !L.env.nodespec.readonly,
	url: path => `${L.env.scriptname}/${path}`,
	require: async name => Object.assign(new Base(), await import(`${L.env.resource}/${name}.js`)),

	raise(name, message) {
		throw Object.assign(new Error(message), { name });
	},

	/* A view's file: `'require …'` lines, then code that returns a class. */
	async view(path) {
		const source = await (await fetch('/luci-static/resources/view/' + path + '.js')).text();
		const names = [ ...source.matchAll(/^'require (\w+)';$/gm) ].map(found => found[1]);
		const make = new Function('window', 'document', 'L', ...names, source);
		await new (make(window, document, L, ...names.map(name => modules[name])))().show();
	}
};

})();
