// SPDX-License-Identifier: GPL-2.0-or-later
//
// Draws the flame graph, roots on top. The data is {names, kinds, tree}; a node of the tree is
// [name, kind, instructions of its own, children...].
"use strict";
(function () {
    const SVG = "http://www.w3.org/2000/svg", ROW = 21, GAP = 3, LETTER = 6.6, LEAST = 0.4;
    const data = JSON.parse(document.getElementById("data").textContent);
    const flame = document.getElementById("flame"), path = document.getElementById("path");
    const about = document.getElementById("about"), search = document.getElementById("search");
    const matched = document.getElementById("matched"), reset = document.getElementById("reset");

    function build(raw, parent, place) {
        const node = { name: data.names[raw[0]], kind: data.kinds[raw[1]], self: raw[2], total: raw[2],
            parent, depth: parent ? parent.depth + 1 : 0, place, found: false, children: [] };
        for (let i = 3; i < raw.length; i++) {
            const child = build(raw[i], node, node.children.length);
            node.children.push(child);
            node.total += child.total;
        }
        return node;
    }
    const top = build(data.tree, null, 0);
    top.name = "everything";
    let zoomed = top, at = top.children[0] || top, drawn = new Map();

    function share(part, whole) {
        if (!whole) return "0 %";
        const percent = 100 * part / whole;
        return (percent >= 10 ? percent.toFixed(1) : percent.toPrecision(2)) + " %";
    }
    function count(value) {
        for (const [unit, size] of [["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3]])
            if (value >= size) return (value / size).toPrecision(3) + " " + unit;
        return String(value);
    }
    function rootOf(node) {
        while (node.depth > 1) node = node.parent;
        return node;
    }
    function words(node) {
        const root = rootOf(node);
        let text = node.name + ": " + count(node.total) + " instructions, " + share(node.total, top.total) + " of everything";
        if (node.depth > 1) text += ", " + share(node.total, root.total) + " of " + root.name;
        if (node.children.length && node.self) text += "; " + count(node.self) + " of its own";
        return text;
    }
    function isAbove(node) {
        for (let up = zoomed.parent; up; up = up.parent) if (up === node) return true;
        return false;
    }
    function hash(text) {
        let value = 0;
        for (let i = 0; i < text.length; i++) value = (value * 31 + text.charCodeAt(i)) | 0;
        return value & 1;
    }
    function shorten(text, width) {
        const room = Math.floor((width - 8) / LETTER);
        return room < 3 ? "" : text.length <= room ? text : text.slice(0, room - 1) + "\u2026";
    }
    function drawNode(node, x, width) {
        const g = document.createElementNS(SVG, "g"), rect = document.createElementNS(SVG, "rect");
        const above = isAbove(node);
        g.setAttribute("class", node.kind + (hash(node.name) ? " other" : "") + (node.found ? " found" : "") +
            (above ? " above" : "") + (node === at ? " at" : ""));
        g.setAttribute("role", "treeitem");
        g.setAttribute("aria-level", node.depth);
        g.setAttribute("aria-label", words(node));
        g.id = "node" + drawn.size;
        rect.setAttribute("x", x);
        rect.setAttribute("y", (node.depth - 1) * (ROW + GAP));
        rect.setAttribute("width", Math.max(width, 0.6));
        rect.setAttribute("height", ROW);
        rect.setAttribute("rx", 2);
        g.append(rect);
        const label = shorten(node.name, width);
        if (label) {
            const text = document.createElementNS(SVG, "text");
            text.setAttribute("x", x + 4);
            text.setAttribute("y", (node.depth - 1) * (ROW + GAP) + 15);
            text.textContent = label;
            g.append(text);
        }
        const title = document.createElementNS(SVG, "title");
        title.textContent = words(node);
        g.append(title);
        g.addEventListener("click", () => { at = node; zoom(node); });
        g.addEventListener("mouseenter", () => describe(node));
        drawn.set(node, g);
        flame.append(g);
    }
    function drawBelow(node, x, width) {
        if (node.depth > 0) drawNode(node, x, width);
        let from = x, deepest = node.depth;
        for (const child of node.children) {
            const part = width * child.total / node.total;
            if (part >= LEAST) deepest = Math.max(deepest, drawBelow(child, from, part));
            from += part;
        }
        return deepest;
    }
    function draw() {
        const width = flame.clientWidth || 1000;
        flame.replaceChildren();
        drawn = new Map();
        for (let up = zoomed.parent; up && up.depth > 0; up = up.parent) drawNode(up, 0, width);
        const deepest = drawBelow(zoomed, 0, width), height = Math.max(1, deepest) * (ROW + GAP);
        flame.setAttribute("viewBox", `0 0 ${width} ${height}`);
        flame.setAttribute("height", height);
        if (drawn.has(at)) flame.setAttribute("aria-activedescendant", drawn.get(at).id);
        showPath();
    }
    function showPath() {
        path.replaceChildren();
        const chain = [];
        for (let up = zoomed; up; up = up.parent) chain.unshift(up);
        for (const node of chain) {
            const button = document.createElement("button");
            button.type = "button";
            button.textContent = node.name;
            button.disabled = node === zoomed;
            button.addEventListener("click", () => zoom(node));
            if (path.childNodes.length) path.append(" \u203a ");
            path.append(button);
        }
        reset.disabled = zoomed === top;
    }
    function describe(node) { about.textContent = words(node); }
    function zoom(node) {
        zoomed = node;
        if (node.depth > 0) at = node;
        else if (!at) at = top.children[0];
        draw();
        describe(node.depth ? node : at);
    }
    function move(node) {
        if (!node || node.depth < 1) return;
        at = node;
        if (!drawn.has(node)) zoomed = node.parent || top;
        draw();
        describe(node);
    }
    function sibling(step) {
        const all = at.parent ? at.parent.children : [];
        move(all[at.place + step]);
    }
    flame.addEventListener("keydown", (event) => {
        const actions = {
            ArrowLeft: () => sibling(-1), ArrowRight: () => sibling(1), ArrowUp: () => move(at.parent),
            ArrowDown: () => move(at.children[0]), Enter: () => zoom(at), Escape: () => zoom(top), Home: () => move(top.children[0]),
        };
        if (!actions[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
        event.preventDefault();
        actions[event.key]();
    });
    document.addEventListener("keydown", (event) => {
        if (event.key !== "/" || event.target === search) return;
        event.preventDefault();
        search.focus();
    });
    // Instructions below nodes that match, each counted once.
    function mark(node, text, inside) {
        node.found = text !== "" && node.depth > 0 && node.name.toLowerCase().includes(text);
        let sum = node.found && !inside ? node.total : 0;
        for (const child of node.children) sum += mark(child, text, inside || node.found);
        return sum;
    }
    function find() {
        const text = search.value.trim().toLowerCase(), sum = mark(top, text, false);
        matched.textContent = text ? share(sum, top.total) + " of all instructions match" : "";
        draw();
    }
    search.addEventListener("input", find);
    search.addEventListener("keydown", (event) => {
        if (event.key === "Escape") { search.value = ""; find(); flame.focus(); }
    });
    reset.addEventListener("click", () => zoom(top));
    window.addEventListener("resize", draw);
    draw();
    describe(at);
})();
