/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Just enough of CommonJS for the parts of Vega, which the build wraps in modules.define().
 */
const modules = (() => {
    const makers = {};
    const made = {};
    const aliases = {"vega-selections": "vega-selection"}; /* Vega's own slip of a name */

    function load(name) {
        const key = aliases[name] || name;
        if (!made[key]) {
            const module = {exports: {}};
            made[key] = module.exports;
            makers[key](module, module.exports, load);
            made[key] = module.exports;
        }
        return made[key];
    }

    return {define: (name, maker) => { makers[name] = maker; }, load};
})();
