// Small figures in the style of the experiments' own (verify/experiments/figure.py): the same tones, dashes and markers.
//
// Why not a plotting library: what the explorers need is lines, points, bars and shaded regions on two axes. Observable
// Plot with d3 is 375 kB, needs a document, and looks different from every other figure here. This file makes a tree of
// [tag, attributes, ...children] without a document, so the site's build draws the same picture in its own V8: it stands
// there before any script runs and with scripts off, in its final size, and the tests read it without a browser.
(own => {
  "use strict";

  const WIDTH = 400, SIZE = 13, LINE = 17, HEIGHT = 210;
  const COLOURS = ["#3f83c8", "#d9772b", "#3b9a6d", "#c9528a", "#8a6fd1", "#a8862a"];
  const DASHES = ["", "7 4", "2 3", "9 3 2 3", "12 4", "4 4 1 4"];
  const MARKERS = [
    ["circle", { r: 3.4 }],
    ["rect", { x: -3, y: -3, width: 6, height: 6 }],
    ["path", { d: "M0-4L3.8 3H-3.8Z" }],
    ["path", { d: "M0-4.4L4 0L0 4.4L-4 0Z" }],
    ["path", { d: "M-3.4-3.4L3.4 3.4M-3.4 3.4L3.4-3.4", fill: "none" }],
    ["path", { d: "M0-4V4M-4 0H4", fill: "none" }],
  ];

  // ---- numbers and words ----

  const place = value => String(Math.round(value * 10) / 10);
  const superscript = value => String(value).replace("-", "⁻").replace(/\d/g, digit => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);
  const power = k => k === 0 ? "1" : k === 1 ? "10" : `10${superscript(k)}`;
  const plain = value => String(Number(value.toPrecision(6))).replace("-", "−");
  // A number in type with so many digits; what is no number is a dash.
  const typed = (value, digits = 3) => {
    if (!Number.isFinite(value)) return Number.isNaN(value) ? "–" : value > 0 ? "∞" : "−∞";
    const size = Math.abs(value), k = Math.floor(Math.log10(size || 1));
    if (k >= -3 && k < 5) return String(Number(value.toPrecision(digits))).replace("-", "−");
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    return `${mantissa.replace("-", "−")}·${power(Number(exponent))}`;
  };
  const widthOf = text => [...text].reduce((sum, c) => sum + (c > "⺀" ? SIZE : 0.56 * SIZE), 0);

  // ---- axes ----

  // Values to pixels from `start` to `end`. `domain` fixes both ends, `zero` the lower one at 0; an end that is not fixed
  // is that of `values` and a little more.
  const makeAxis = ({ log = false, domain, zero = false }, values, start, end) => {
    const scale = value => log ? Math.log10(value) : value;
    const shown = domain ?? values.filter(value => Number.isFinite(value) && (value > 0 || !log));
    let low = Infinity, high = -Infinity;
    for (const value of shown) { low = Math.min(low, scale(value)); high = Math.max(high, scale(value)); }
    const pad = domain ? 0 : 0.04 * (high - low) || 0.5;
    low = zero ? 0 : low - pad;
    high += pad;
    const at = value => start + (scale(value) - low) / (high - low) * (end - start);
    const fits = value => scale(value) >= low - 1e-9 && scale(value) <= high + 1e-9;

    const ticks = apart => {
      const most = Math.max(2, Math.floor(Math.abs(end - start) / apart));
      if (!log) {
        const raw = (high - low) / Math.min(most, 6), unit = 10 ** Math.floor(Math.log10(raw));
        const step = [1, 2, 5, 10].map(m => m * unit).find(size => size >= raw * (1 - 1e-9));
        const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
        return own.numerics.count(last - first + 1).map(i => [(first + i) * step, plain((first + i) * step)]);
      }
      const decades = own.numerics.count(Math.ceil(high) - Math.floor(low) + 1).map(i => Math.floor(low) + i);
      const every = Math.ceil((high - low) / most);
      if (high - low > 2.5) return decades.filter(k => fits(10 ** k) && k % every === 0).map(k => [10 ** k, power(k)]);
      const found = [[1, 2, 5], [1, 3], [1]].map(steps => decades.flatMap(k => steps.map(m => m * 10 ** k)).filter(fits));
      return (found.find(values => values.length >= 2 && values.length <= most) ?? found[2]).map(v => [v, plain(v)]);
    };
    return { at, fits, ticks };
  };

  // ---- regions {value >= level} of a function on a grid, as closed polygons (marching squares) ----

  // Corners are (column, row) in units of the grid; by the even-odd rule holes are holes. The grid is framed by minus
  // infinity, so that a region which reaches the border is closed along it.
  const regions = (values, level) => {
    const frame = Array(values[0].length + 2).fill(-Infinity);
    const grid = [frame, ...values.map(row => [-Infinity, ...row, -Infinity]), frame];
    const columns = frame.length, neighbours = new Map();
    const edge = (i, j, down) => 2 * (i * columns + j) + down; // from node (i, j) to the right, or down
    const join = (one, other) => {
      for (const [a, b] of [[one, other], [other, one]]) neighbours.set(a, [...neighbours.get(a) ?? [], b]);
    };
    for (let i = 0; i + 1 < grid.length; i++) {
      for (let j = 0; j + 1 < columns; j++) {
        const a = grid[i][j] >= level, b = grid[i][j + 1] >= level;
        const d = grid[i + 1][j] >= level, c = grid[i + 1][j + 1] >= level;
        if (a === b && b === c && c === d) continue;
        const top = edge(i, j, 0), bottom = edge(i + 1, j, 0), left = edge(i, j, 1), right = edge(i, j + 1, 1);
        if (a === c && b === d) {
          join(a ? left : top, a ? top : right);
          join(a ? right : left, bottom);
        } else {
          const crossed = [[top, a !== b], [right, b !== c], [bottom, c !== d], [left, d !== a]].filter(side => side[1]);
          join(crossed[0][0], crossed[1][0]);
        }
      }
    }
    const crossing = key => {
      const down = key % 2, node = (key - down) / 2, i = Math.floor(node / columns), j = node % columns;
      const one = grid[i][j], other = grid[i + down][j + 1 - down];
      const share = one === -Infinity ? 1 : other === -Infinity ? 0 : (level - one) / (other - one);
      return [j - 1 + (1 - down) * share, i - 1 + down * share];
    };
    const polygons = [];
    for (const start of neighbours.keys()) {
      const loop = [start];
      let before = start, here = neighbours.get(start)[0];
      neighbours.delete(start);
      while (here !== start) {
        const [one, other] = neighbours.get(here);
        loop.push(here);
        neighbours.delete(here);
        [before, here] = [here, one === before ? other : one];
      }
      polygons.push(loop.map(crossing));
    }
    return polygons;
  };

  // ---- one panel ----

  const text = (x, y, content, attributes = {}) => ["text", { x: place(x), y: place(y), ...attributes }, content];
  const path = points => `M${points.map(([a, b]) => `${place(a)} ${place(b)}`).join("L")}`;

  // Runs of neighbouring points that the axes can show, in pixels.
  const runs = ({ x, y }, across, up) => {
    const found = [[]];
    for (let i = 0; i < x.length; i++) {
      if (across.fits(x[i]) && up.fits(y[i])) found.at(-1).push([across.at(x[i]), up.at(y[i])]);
      else if (found.at(-1).length) found.push([]);
    }
    return found.filter(run => run.length);
  };

  const series = (one, across, up, floor) => {
    const colour = COLOURS[one.tone], style = one.style ?? "line", parts = [];
    const look = { stroke: colour, fill: colour, "stroke-width": 1.7 };
    if (style === "bars") { // between x[i] and x[i + 1], as high as y[i]
      const [base, sides] = [place(floor), one.x.map(value => place(across.at(value)))];
      const area = one.y.map((value, i) => `M${sides[i]} ${base}V${place(up.at(value))}H${sides[i + 1]}V${base}Z`);
      return ["g", { fill: colour, "fill-opacity": 0.45 }, ["path", { d: area.join("") }]];
    }
    if (style === "traces") {
      const lines = one.paths.flatMap(each => runs(each, across, up)).map(path).join("");
      return ["g", { stroke: colour, fill: "none", "stroke-width": 0.9, "stroke-opacity": 0.75 }, ["path", { d: lines }]];
    }
    const found = runs(one, across, up);
    if (style === "dots") { // many small points
      const dots = found.flat().map(([a, b]) => `M${place(a)} ${place(b)}h0`).join("");
      return ["g", {}, ["path", { d: dots, stroke: colour, "stroke-width": 3.2, "stroke-linecap": "round", fill: "none" }]];
    }
    if (style !== "points") {
      const dash = DASHES[one.dash ?? one.tone];
      parts.push(["path", { d: found.map(path).join(""), fill: "none", ...(dash && { "stroke-dasharray": dash }) }]);
    }
    if (style !== "line") {
      const [tag, shape] = MARKERS[one.tone];
      for (const [a, b] of found.flat()) parts.push([tag, { transform: `translate(${place(a)} ${place(b)})`, ...shape }]);
    }
    return ["g", look, ...parts];
  };

  const shades = ({ x, y, values, levels }, across, up) => {
    const top = Math.max(...values.map(row => Math.max(...row)));
    const between = (places, share) => {
      const first = Math.min(Math.floor(share), places.length - 2);
      return places[first] + (share - first) * (places[first + 1] - places[first]);
    };
    const columns = x.map(across.at), rows = y.map(up.at);
    const layers = levels.map(level => ["path", {
      d: regions(values, level * top).map(loop =>
        `${path(loop.map(([column, row]) => [between(columns, column), between(rows, row)]))}Z`).join(""),
    }]);
    return ["g", { fill: "currentColor", "fill-opacity": 0.09, "fill-rule": "evenodd" }, ...layers];
  };

  const legend = (all, top) => {
    const short = all.every(one => widthOf(one.title) < WIDTH / 2 - 50), columns = short ? 2 : 1;
    const entries = all.map((one, i) => {
      const left = 4 + (i % columns) * WIDTH / columns, middle = top + Math.floor(i / columns) * (LINE + 2);
      const flat = ["M", left, " ", middle, "h30"].join(""), box = `M${left} ${middle - 5}h30v10h-30z`;
      const dash = DASHES[one.dash ?? one.tone], [tag, shape] = MARKERS[one.tone];
      const line = ["path", { d: flat, fill: "none", ...(dash && { "stroke-dasharray": dash }) }];
      const point = [tag, { transform: `translate(${left + 15} ${middle})`, ...shape }];
      const sign = {
        line: [line], marked: [line, point], points: [point], dots: [["circle", { cx: left + 15, cy: middle, r: 1.8 }]],
        bars: [["path", { d: box, stroke: "none", "fill-opacity": 0.45 }]],
        traces: [["path", { d: flat, fill: "none", "stroke-width": 0.9 }]],
      }[one.style ?? "line"];
      const colour = COLOURS[one.tone];
      return ["g", {}, ["g", { stroke: colour, fill: colour, "stroke-width": 1.7 }, ...sign], text(left + 38, middle + 4, one.title)];
    });
    return [entries, top + Math.ceil(all.length / columns) * (LINE + 2)];
  };

  // A panel { title, x: { title, log, domain, zero }, y, series, regions, guides, rules, square } as the tree of a <figure>.
  // Each series has x, y (or paths), title, tone and style: line, marked, points, dots, bars or traces.
  const draw = panel => {
    const { x, y, series: all, guides = [], rules = [], square = false } = panel;
    const inside = all.flatMap(one => one.paths ?? [one]);
    const spans = axis => [...inside.flatMap(one => [...one[axis ? "y" : "x"]]),
      ...guides.flatMap(({ from, to }) => [from[axis], to[axis]])];
    const top = LINE + 6, floor = top + (square ? WIDTH - 56 : HEIGHT);
    const up = makeAxis(y, spans(1), floor, top);
    const marks = up.ticks(30), left = square ? 48 : Math.max(...marks.map(([, label]) => widthOf(label))) + 10;
    const across = makeAxis(x, spans(0), left, WIDTH - 8);
    const steps = across.ticks(46), right = WIDTH - 8;
    const grid = [
      ...steps.map(([value]) => `M${place(across.at(value))} ${top}V${floor}`),
      ...marks.map(([value]) => `M${place(left)} ${place(up.at(value))}H${right}`),
    ].join("");
    const [entries, bottom] = legend(all, floor + 2 * LINE + 22);
    const parts = [
      text(0, LINE - 4, y.title),
      ["path", { d: grid, stroke: "currentColor", "stroke-opacity": 0.13 }],
      ...(panel.regions ? [shades(panel.regions, across, up)] : []),
      ...rules.map(value => ["path", {
        d: `M${place(across.at(value))} ${top}V${floor}`, stroke: "currentColor", "stroke-opacity": 0.6, "stroke-dasharray": "3 3",
      }]),
      ...all.map(one => series(one, across, up, floor)),
      ...guides.flatMap(({ from, to, title }) => {
        const [[a, b], [c, d]] = [from, to].map(([s, t]) => [across.at(s), up.at(t)]);
        return [
          ["path", { d: path([[a, b], [c, d]]), stroke: "currentColor", "stroke-opacity": 0.6, "stroke-dasharray": "3 3" }],
          text(c + 4, d + 4, title, { "font-style": "italic" }),
        ];
      }),
      ["path", { d: `M${place(left)} ${top}V${floor}H${right}`, fill: "none", stroke: "currentColor" }],
      ...steps.map(([value, label]) => text(across.at(value), floor + LINE, label, { "text-anchor": "middle" })),
      ...marks.map(([value, label]) => text(left - 6, up.at(value) + 4, label, { "text-anchor": "end" })),
      text((left + right) / 2, floor + 2 * LINE + 2, x.title, { "text-anchor": "middle" }),
      ...entries,
    ];
    return ["figure", { class: "vd-panel" },
      ["figcaption", {}, panel.title],
      ["svg", {
        viewBox: `0 0 ${WIDTH} ${place(bottom)}`, width: WIDTH, height: place(bottom), role: "img", "aria-label": panel.title,
        "font-size": SIZE, fill: "currentColor", "font-family": "system-ui,sans-serif",
      }, ...parts]];
  };

  // A table { title, head, rows } whose first column heads the rows.
  const table = ({ title, head, rows }) => ["table", { class: "vd-values" },
    ["caption", {}, title],
    ["thead", {}, ["tr", {}, ...head.map(name => ["th", { scope: "col" }, name])]],
    ["tbody", {}, ...rows.map(([name, ...values]) =>
      ["tr", {}, ["th", { scope: "row" }, name], ...values.map(value => ["td", {}, value])])]];

  // All of a view: { panels, tables, remark }.
  const page = ({ panels, tables, remark }) => ["div", { class: "vd-view" },
    ["p", { class: "vd-remark" }, remark],
    ["div", { class: "vd-panels" }, ...panels.map(draw)],
    ...tables.map(one => ["div", { class: "vd-scroll" }, table(one)])];

  // ---- the tree as text, for the build, and as nodes, for the browser ----

  const escaped = value => String(value).replace(/[&<>"]/g, c => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
  const toText = tree => {
    if (!Array.isArray(tree)) return escaped(tree);
    const [tag, attributes, ...children] = tree;
    const named = Object.entries(attributes).map(([name, value]) => ` ${name}="${escaped(value)}"`).join("");
    return `<${tag}${named}>${children.map(toText).join("")}</${tag}>`;
  };
  const toNode = (tree, parent) => {
    if (!Array.isArray(tree)) return document.createTextNode(tree);
    const [tag, attributes, ...children] = tree;
    const drawn = tag === "svg" || parent?.namespaceURI.endsWith("svg");
    const node = document.createElementNS(`http://www.w3.org/${drawn ? "2000/svg" : "1999/xhtml"}`, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children.map(child => toNode(child, node)));
    return node;
  };

  own.figure = { draw, page, regions, makeAxis, typed, toText, toNode };
  own.views = {}; // name -> (settings, words) => { panels, tables, remark }
  own.filled = (text, ...values) => values.reduce((found, value, i) => found.replace(`{${i}}`, value), text);
})(globalThis.explorers ??= {});
