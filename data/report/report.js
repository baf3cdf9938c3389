/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Draws the charts of a report: each <div class="chart"> names a specification and its data. Tables
 * and texts are there without this script.
 */
(() => {
    "use strict";

    const {parse} = modules.load("vega-parser");
    const {View} = modules.load("vega-view");
    const {transforms} = modules.load("vega-dataflow");
    const {expressionInterpreter} = modules.load("vega-interpreter");
    for (const name of ["vega-transforms", "vega-view-transforms", "vega-encode"])
        Object.assign(transforms, modules.load(name));

    const root = document.documentElement;
    const read = id => JSON.parse(document.getElementById(id).textContent);
    const data = read("chart-data");
    const specs = {};
    for (const name of new Set(data.charts.map(chart => chart.spec)))
        specs[name] = document.getElementById("spec-" + name).textContent;

    const style_of = name => getComputedStyle(root).getPropertyValue("--" + name).trim();

    /* A platform has one colour in all charts, the baseline that of the text. */
    function colours_of(labels) {
        return labels.map(label => {
            const at = data.series.indexOf(label);
            return style_of(at < 0 ? "native" : "series-" + at % 8);
        });
    }

    /* In specifications a text "$name" stands for the colour --name of the style sheet, "$series"
       for the colours of the chart's own series, and "$palette" for one each of its groups. */
    function themed(chart) {
        return JSON.parse(specs[chart.spec], (key, item) => {
            if (item === "$series")
                return colours_of(chart.signals.series);
            if (item === "$palette")
                return chart.signals.groups.map((group, i) => style_of("series-" + i % 8));
            return typeof item === "string" && item[0] === "$" && key !== "$schema"
                ? style_of(item.slice(1)) : item;
        });
    }

    function draw(chart) {
        const element = document.getElementById(chart.id);
        const width = Math.floor(element.clientWidth);
        if (!width)
            return;
        if (chart.view)
            chart.view.finalize();
        const spec = themed(chart);
        const {series, groups} = chart.signals;
        /* Columns that would be too thin are scrolled to. */
        const least = chart.spec === "columns" ? groups.length * (series.length * 11 + 12) + 70 : 0;
        spec.width = Math.max(width, least);
        if (chart.signals.height)
            spec.height = chart.signals.height;
        if (chart.signals.scale)
            spec.scales.find(scale => scale.name === "y").type = chart.signals.scale;
        for (const source of spec.data)
            if (chart.data[source.name])
                source.values = chart.data[source.name];
        /* Given, not computed by Vega: fitting the width would make its layout go in circles. */
        const labels = chart.spec === "bars" ? groups : series;
        const longest = Math.max(...labels.map(label => label.length));
        const column = Math.min(230, 45 + 7 * longest);
        const fitted = {
            columns: Math.max(1, Math.floor((spec.width - 50) / column)),
            legendLimit: column - 35,
            labelLimit: Math.min(220, spec.width * 0.34),
        };
        for (const signal of spec.signals || [])
            if (signal.name in chart.signals || signal.name in fitted)
                signal.value = (signal.name in fitted ? fitted : chart.signals)[signal.name];
        chart.view = new View(parse(spec, null, {ast: true}), {
            expr: expressionInterpreter,
            renderer: chart.marks > 2000 ? "canvas" : "svg",
            container: element,
            hover: false,
        });
        chart.drawn = width;
        chart.view.runAsync().catch(error => console.error(chart.id, error));
    }

    /* One that fails leaves the others their place. */
    function draw_all() {
        for (const chart of data.charts)
            try {
                draw(chart);
            } catch (error) {
                console.error(chart.id, error);
            }
    }

    function watch_width() {
        let timer = 0;
        new ResizeObserver(() => {
            clearTimeout(timer);
            timer = setTimeout(() => data.charts.forEach(chart => {
                const element = document.getElementById(chart.id);
                if (Math.floor(element.clientWidth) !== chart.drawn)
                    draw(chart);
            }), 120);
        }).observe(document.body);
    }

    /* Light and dark follow the system until the reader chooses. */
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const is_dark = () => (root.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";

    function watch_theme() {
        const button = document.getElementById("theme");
        const label = () => { button.textContent = is_dark() ? "Light" : "Dark"; };
        button.hidden = false;
        button.addEventListener("click", () => {
            root.dataset.theme = is_dark() ? "light" : "dark";
            label();
            draw_all();
        });
        dark.addEventListener("change", () => { label(); draw_all(); });
        label();
    }

    const asked = /^#theme=(light|dark)$/.exec(location.hash);
    if (asked)
        root.dataset.theme = asked[1];
    watch_theme();
    draw_all();
    watch_width();
    window.addEventListener("beforeprint", draw_all);
})();
