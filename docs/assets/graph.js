// The map of all claims: find, filter, choose a claim, zoom, walk by keyboard. Without scripts the map still scrolls,
// its boxes are links, and the tables below it say what rests on what.
"use strict";
for (const graph of document.querySelectorAll("vd-graph")) {
  const map = graph.querySelector(".vd-map"), svg = map.querySelector("svg");
  const form = graph.querySelector("form"), found = form.querySelector("output");
  const side = graph.querySelector(".vd-chosen-claim"), shown = side.querySelector("[data-shown]");
  const part = name => shown.querySelector(`[data-${name}]`);
  const nodes = new Map([...svg.querySelectorAll(".vd-node")].map(node => [node.id, node]));
  const arrows = [...svg.querySelectorAll(".vd-arrow")];
  // What a claim uses; what uses it; what is to be read before it, and after it.
  const above = new Map(), below = new Map(), before = new Map(), later = new Map();
  for (const id of nodes.keys()) for (const sides of [above, below, before, later]) sides.set(id, []);
  const orders = arrow => arrow.classList.contains("vd-by-after");
  for (const arrow of arrows) {
    const {from, to} = arrow.dataset;
    before.get(to).push(from);
    later.get(from).push(to);
    if (orders(arrow)) continue; // nothing rests on the reading order
    above.get(to).push(from);
    below.get(from).push(to);
  }
  const titleOf = node => {
    const text = node.querySelector("title").textContent; // id · title · verdict
    return text.slice(node.id.length + 3, text.lastIndexOf(" · "));
  };
  let chosen = null;

  // All that is reached from a claim, the nearest first.
  const reached = (start, sides) => {
    const seen = new Set([start]);
    for (const id of seen) for (const other of sides.get(id)) seen.add(other);
    seen.delete(start);
    return [...seen];
  };
  const groups = id => ({
    near: [...new Set([...before.get(id), ...later.get(id)])],
    above: reached(id, above),
    below: reached(id, below),
    first: reached(id, before),
  });

  // What the filters leave, or what belongs to the chosen claim, stays lit.
  const light = (ids, ordered = true) => {
    map.classList.toggle("vd-asked", ids !== null);
    for (const [id, node] of nodes) node.classList.toggle("vd-lit", ids?.has(id) ?? false);
    for (const arrow of arrows) {
      const within = chosen !== null && ids.has(arrow.dataset.from) && ids.has(arrow.dataset.to);
      arrow.classList.toggle("vd-lit", within && (ordered || !orders(arrow)));
    }
  };
  const fitting = () => {
    const asked = new FormData(form), verdicts = new Set(asked.getAll("verdict"));
    const words = asked.get("text").toLowerCase().split(/\s+/).filter(Boolean);
    const fits = node => (!asked.get("topic") || node.dataset.topic === asked.get("topic"))
      && verdicts.has(node.dataset.verdict)
      && words.every(word => `${node.id} ${node.dataset.find}`.toLowerCase().includes(word));
    return new Set([...nodes.values()].filter(fits).map(node => node.id));
  };
  const filter = () => {
    if (chosen) choose(null);
    const ids = fitting();
    light(ids.size < nodes.size ? ids : null);
    found.value = ids.size
      ? found.dataset.pattern.replace("{0}", ids.size).replace("{1}", nodes.size) : found.dataset.none;
  };

  // The claim chosen, with the list that the reader asked for.
  const list = () => {
    const group = groups(chosen), mode = shown.querySelector("[name=vd-mode]:checked").value;
    for (const name of Object.keys(group)) shown.querySelector(`[data-count=${name}]`).textContent = group[name].length;
    light(new Set([chosen, ...group[mode]]), mode === "near" || mode === "first");
    part("list").replaceChildren(...group[mode].map(id => {
      const item = document.createElement("li"), link = document.createElement("a"), node = nodes.get(id);
      link.className = "vd-id";
      link.href = node.getAttribute("href");
      link.textContent = `${node.querySelector(".vd-sign").textContent} ${id}`;
      item.append(link, titleOf(node));
      return item;
    }));
    if (!group[mode].length) part("list").append(part("list").dataset.none);
  };
  const choose = id => {
    if (chosen) nodes.get(chosen).classList.remove("vd-chosen");
    chosen = id;
    shown.hidden = !id;
    side.querySelector(".vd-graph-hint").hidden = Boolean(id);
    history.replaceState(history.state, "", id ? `#${id}` : location.pathname + location.search);
    if (!id) return light(null);
    const node = nodes.get(id), card = part("card");
    node.classList.add("vd-chosen");
    card.href = node.getAttribute("href");
    card.textContent = id;
    part("title").textContent = titleOf(node);
    const badge = graph.querySelector(`[data-legend="${node.dataset.verdict}"] .vd-badge`);
    part("verdict-of").replaceChildren(badge.cloneNode(true));
    list();
  };
  const show = node => {
    const box = node.getBoundingClientRect(), frame = map.getBoundingClientRect();
    map.scrollBy(box.x + box.width / 2 - frame.x - frame.width / 2, box.y + box.height / 2 - frame.y - frame.height / 2);
  };

  // Zoom about a point of the screen; the map's own scroll bars pan.
  let zoom = 1;
  const set = (wanted, x, y) => {
    const frame = map.getBoundingClientRect(), before = svg.getBoundingClientRect();
    x ??= frame.x + frame.width / 2;
    y ??= frame.y + frame.height / 2;
    const across = (x - before.x) / before.width, down = (y - before.y) / before.height;
    zoom = Math.min(Math.max(wanted, 0.1), 8);
    svg.style.setProperty("--zoom", zoom);
    const after = svg.getBoundingClientRect();
    map.scrollBy(after.x + across * after.width - x, after.y + down * after.height - y);
  };
  const zooms = {
    in: () => set(zoom * 1.25),
    out: () => set(zoom / 1.25),
    fit: () => {
      const now = svg.getBoundingClientRect();
      set(zoom * Math.min(map.clientWidth / now.width, map.clientHeight / now.height));
    },
  };

  // One stop for the Tab key; from there the arrow keys go to the nearest box on that side.
  let stopped = null;
  const stop = node => {
    stopped?.setAttribute("tabindex", "-1");
    node.setAttribute("tabindex", "0");
    stopped = node;
  };
  const SIDES = {ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1]};
  const middle = node => {
    const box = node.querySelector("rect").getBBox();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  const beside = (node, [across, down]) => {
    const [x, y] = middle(node);
    let best = null, least = Infinity;
    for (const other of nodes.values()) {
      const [a, b] = middle(other), ahead = (a - x) * across + (b - y) * down, off = Math.abs((a - x) * down + (b - y) * across);
      const far = ahead + 2 * off;
      if (other !== node && ahead > 1 && far < least) { best = other; least = far; }
    }
    return best;
  };

  svg.addEventListener("click", event => {
    const node = event.target.closest(".vd-node");
    if (!node || event.ctrlKey || event.metaKey || event.shiftKey) return; // those open the card, as any link
    event.preventDefault();
    stop(node);
    choose(node.id === chosen ? null : node.id);
  });
  map.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const node = event.target.closest(".vd-node"), side = SIDES[event.key];
    const act = {"+": zooms.in, "=": zooms.in, "-": zooms.out, "0": zooms.fit, Escape: () => choose(null)}[event.key];
    if (act) act();
    else if (node && side) {
      const next = beside(node, side);
      if (next) { stop(next); next.focus({preventScroll: true}); show(next); }
    } else return;
    event.preventDefault();
  });
  map.addEventListener("wheel", event => {
    if (!event.ctrlKey) return; // a plain wheel scrolls; a pinch on a touchpad comes with ctrl
    event.preventDefault();
    set(zoom * Math.exp(-event.deltaY / 300), event.clientX, event.clientY);
  }, {passive: false});
  let grip = null; // the mouse drags the map; a finger scrolls it anyway
  map.addEventListener("pointerdown", event => {
    if (event.pointerType === "mouse" && event.button === 0 && !event.target.closest("a")) grip = [event.clientX, event.clientY];
  });
  addEventListener("pointermove", event => {
    if (!grip) return;
    map.classList.add("vd-dragged");
    map.scrollBy(grip[0] - event.clientX, grip[1] - event.clientY);
    grip = [event.clientX, event.clientY];
  });
  addEventListener("pointerup", () => { grip = null; map.classList.remove("vd-dragged"); });
  for (const button of graph.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => zooms[button.dataset.zoom]());
  }
  form.addEventListener("input", filter);
  form.addEventListener("submit", event => {
    event.preventDefault();
    const first = nodes.get([...fitting()][0]);
    if (first) { stop(first); choose(first.id); show(first); }
  });
  side.addEventListener("change", list);
  side.querySelector("[data-let-go]").addEventListener("click", () => choose(null));
  const named = () => {
    const node = nodes.get(location.hash.slice(1)); // an id needs no escapes
    if (node && node.id !== chosen) { stop(node); choose(node.id); show(node); }
  };
  addEventListener("hashchange", named);

  document.documentElement.classList.remove("vd-graph-waits"); // see graph.html
  for (const part_ of [form, side, graph.querySelector(".vd-zoom")]) part_.hidden = false;
  for (const node of nodes.values()) node.setAttribute("tabindex", "-1");
  if (nodes.size) stop(nodes.values().next().value);
  found.value = found.dataset.pattern.replace("{0}", nodes.size).replace("{1}", nodes.size);
  named();
  graph.dataset.ready = "true";
}
