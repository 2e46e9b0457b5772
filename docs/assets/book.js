// What a page can do with scripts on; without them every card, table and link still works.

// The anchor that the address asks for; an address that is badly encoded asks for it as it stands.
const askedFor = () => {
  const asked = location.hash.slice(1);
  try { return decodeURIComponent(asked); } catch { return asked; }
};

// Filters of a table or list: rows carry data-text, data-topic, ... of one or more words; a field of that name narrows them.
for (const index of document.querySelectorAll("[data-index]")) {
  const form = index.querySelector("[data-filters]"), count = form.querySelector("output");
  const rows = [...index.querySelectorAll("[data-row]")];
  const fields = [...new Set([...form.elements].map(field => field.name).filter(Boolean))];
  const apply = () => {
    const asked = new FormData(form);
    const words = (asked.get("text") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    const fits = row => fields.every(name => {
      if (name === "text") return words.every(word => row.dataset.text.toLowerCase().includes(word));
      const allowed = asked.getAll(name);
      return allowed.length === 1 && allowed[0] === "" || row.dataset[name].split(" ").some(value => allowed.includes(value));
    });
    const shown = rows.filter(row => !(row.hidden = !fits(row))).length;
    count.value = shown ? count.dataset.pattern.replace("{0}", shown).replace("{1}", rows.length) : count.dataset.none;
  };
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", event => event.preventDefault());
  apply();
}

// Copy what a card lets one take along: the text that stands folded below its buttons, of a link its whole address.
for (const button of document.querySelectorAll("[data-copies]")) {
  if (!navigator.clipboard) continue;
  const text = button.closest(".vd-body").querySelector(`[data-text=${button.dataset.copies}]`);
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text.href ?? text.textContent);
    const before = button.textContent;
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = before; }, 1500);
  });
}

// The language link keeps the place on the page.
for (const link of document.querySelectorAll(".vd-language")) {
  link.addEventListener("click", () => { link.hash = location.hash; });
}

// What is wider than the page scrolls by keyboard too; what is not stays out of the way of the Tab key. All widths are
// read before any box is changed: a change between two readings has the whole page laid out once more. What is folded
// waits until it is opened, for asking its width would lay it out.
const scrollers = (root = document) => {
  const boxes = [...root.querySelectorAll(".vd-display, .vd-scroll")].filter(box => box.checkVisibility?.() ?? true);
  const wide = boxes.map(box => box.scrollWidth > box.clientWidth + 1);
  boxes.forEach((box, i) => {
    if (wide[i] === box.hasAttribute("tabindex")) return;
    for (const [name, value] of [["tabindex", "0"], ["role", "group"], ["aria-label", box.dataset.label ?? "LaTeX"]]) {
      if (wide[i]) box.setAttribute(name, value); else box.removeAttribute(name);
    }
  });
};
document.addEventListener("toggle", event => scrollers(event.target), true);
addEventListener("resize", () => scrollers());
document.fonts.ready.then(() => scrollers()); // the fonts make the widths

// The link of a renamed id leads on to its new place: a claim's at its anchor, a question's from its page.
const lead = () => {
  for (const sign of document.querySelectorAll("[data-moved]")) {
    const anchor = sign.querySelector("h3[id]");
    if (!anchor || anchor.id === askedFor()) location.replace(sign.dataset.moved);
  }
};
addEventListener("hashchange", lead);
lead();

// A mistake's anchor is its claim's id and its title; where the title has changed, the claim's own anchor is still there.
const nearest = () => {
  const [claim, mistake] = askedFor().split("--");
  if (mistake && !document.getElementById(`${claim}--${mistake}`) && document.getElementById(claim)) {
    location.replace(`#${claim}`);
  }
};
addEventListener("hashchange", nearest);
nearest();

// A link into a folded part of a card opens it.
const unfold = () => {
  const target = document.getElementById(askedFor());
  for (let node = target?.closest("details"); node; node = node.parentElement?.closest("details")) node.open = true;
};
addEventListener("hashchange", unfold);
unfold();

// Paper shows what is open. The theme opens every fold before it prints, and a page of claims would fill fifty sheets:
// so what is folded is marked first, and the style sheet leaves it out.
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("article details")) part.toggleAttribute("data-folded", !part.open);
}, true);
