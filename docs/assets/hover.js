// What a link to a claim, a definition, a question or a cited work leads to, shown beside it: when the pointer rests on
// it, when the keyboard comes to it, when a finger stays on it. Esc closes; the pointer may enter. The text comes from assets/hover/, one
// script a topic, made and escaped by verify/site/cards/hover.py; without scripts the link keeps its title.
(() => {
  const edition = new URL("..", document.currentScript.src).href;
  const topics = new Map(); // name -> promise of {anchor: HTML}
  const arrived = new Map();
  globalThis.vdHover = (name, cards) => arrived.set(name, cards);

  const fetchTopic = name => {
    if (!topics.has(name)) {
      topics.set(name, new Promise(resolve => {
        const script = document.createElement("script");
        script.src = `${edition}assets/hover/${name}.js`;
        script.onload = script.onerror = () => resolve(arrived.get(name) ?? {}); // no card is no harm: the link is there
        document.head.append(script);
      }));
    }
    return topics.get(name);
  };

  // Which card a link in the text asks for: [topic, anchor], or null. A claim's own name on its card asks for none.
  const asked = link => {
    const address = link?.getAttribute("href") ?? link?.getAttribute("xlink:href");
    if (!address || !link.closest(".md-content") || link.matches(".headerlink, .vd-map a")) return null; // the map says it in its panel
    const url = new URL(address, document.baseURI).href;
    if (!url.startsWith(edition)) return null;
    const question = /^questions\/([a-z0-9-]+)\.html(?:#|$)/.exec(url.slice(edition.length));
    if (question) return question[1] === "index" ? null : ["questions", question[1]];
    const found = /^(?:claims\/([a-z][a-z0-9]*)|(references|definitions))\.html#(.+)$/.exec(url.slice(edition.length));
    if (!found || link.closest("[data-claim]")?.dataset.claim === found[3]) return null;
    return [found[1] ?? found[2], found[3]];
  };

  const card = document.createElement("div");
  card.id = "vd-hover";
  card.className = "vd-hover md-typeset";
  card.setAttribute("role", "tooltip");
  card.hidden = true;
  document.body.append(card);

  let wanted = null, title = null, timer = 0;
  const later = (act, wait) => { clearTimeout(timer); timer = setTimeout(act, wait); };

  const hide = () => {
    clearTimeout(timer);
    if (!wanted) return;
    if (title) wanted.setAttribute("title", title);
    wanted.removeAttribute("aria-describedby");
    wanted = title = null;
    card.hidden = true;
  };

  const show = async link => {
    if (wanted === link) return;
    hide();
    const [topic, anchor] = asked(link);
    wanted = link;
    title = link.getAttribute("title"); // the browser's own note would lie over the card
    link.removeAttribute("title");
    const html = (await fetchTopic(topic))[anchor];
    if (wanted !== link) return;
    if (html === undefined) return hide();
    card.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
    link.setAttribute("aria-describedby", "vd-hover-text");
    card.hidden = false;
    fit();
    place(link);
  };

  // A formula wider than the card is set smaller.
  const fit = () => {
    for (const box of card.querySelectorAll(".vd-display")) {
      box.style.fontSize = `${Math.max(0.6, Math.min(1, box.clientWidth / box.scrollWidth))}em`;
    }
  };

  // Below the link, or above where there is more room; never beyond the window's sides.
  const place = link => {
    const line = link.getClientRects()[0] ?? link.getBoundingClientRect(), gap = 6;
    const width = document.documentElement.clientWidth, height = innerHeight;
    const below = height - line.bottom >= card.offsetHeight + gap || height - line.bottom >= line.top;
    card.style.left = `${scrollX + Math.max(gap, Math.min(line.left, width - card.offsetWidth - gap))}px`;
    card.style.top = `${scrollY + (below ? line.bottom + gap : line.top - card.offsetHeight - gap)}px`;
  };

  const linkAt = event => {
    const link = event.target.closest?.("a");
    return asked(link) ? link : null;
  };

  document.addEventListener("pointerover", event => {
    if (event.pointerType === "touch") return;
    const link = linkAt(event);
    if (link && link !== wanted) later(() => show(link), 250);
    else if (link || card.contains(event.target)) clearTimeout(timer);
    else later(hide, 250);
  });
  document.addEventListener("focusin", event => {
    const link = linkAt(event);
    if (link?.matches(":focus-visible")) show(link);
  });
  document.addEventListener("focusout", event => { if (event.target === wanted) hide(); });
  document.addEventListener("keydown", event => { if (event.key === "Escape") hide(); });

  // A finger: staying half a second shows the card and is no click; a touch elsewhere closes it.
  let held = null;
  document.addEventListener("pointerdown", event => {
    held = null;
    if (!card.contains(event.target)) hide();
    const link = event.pointerType === "touch" ? linkAt(event) : null;
    if (link) later(() => { held = link; show(link); }, 500);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    document.addEventListener(end, event => { if (event.pointerType === "touch" && !held) clearTimeout(timer); });
  }
  for (const name of ["click", "contextmenu"]) {
    document.addEventListener(name, event => {
      if (held && held === event.target.closest?.("a")) event.preventDefault();
      if (name === "click") held = null;
    }, true);
  }
})();
