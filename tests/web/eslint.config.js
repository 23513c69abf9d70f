// SPDX-License-Identifier: BSD-3-Clause
import js from '@eslint/js';
import globals from 'globals';

const rules = {
	...js.configs.recommended.rules,
	'no-shadow': 'error',
	'no-var': 'error',
	'prefer-const': 'error',
	'no-restricted-properties': [ 'error', { property: 'innerHTML' }, { property: 'outerHTML' }, { property: 'insertAdjacentHTML' } ]
};

// What LuCI gives a view: its globals, and the modules that its 'require …' lines name.
const luci = Object.fromEntries([ 'L', 'E', '_', 'N_', 'baseclass', 'dom', 'poll', 'rpc', 'ui', 'view' ].map(name => [ name, 'readonly' ]));

export default [
	{
		files: [ '**/view/*.js' ],
		languageOptions: {
			sourceType: 'script',
			ecmaVersion: 2022,
			globals: { ...globals.browser, ...luci },
			parserOptions: { ecmaFeatures: { globalReturn: true } }
		},
		rules: rules
	},
	{
		files: [ '**/tests/web/luci/*.js' ],
		languageOptions: {
			sourceType: 'script',
			ecmaVersion: 2022,
			globals: { ...globals.browser, L: 'readonly', E: 'readonly', _: 'readonly', sfh: 'readonly' }
		},
		rules: { ...rules, 'no-restricted-properties': 'off' }
	}
];
