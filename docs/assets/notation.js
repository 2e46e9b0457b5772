// The reader's notation: the formulas of each card in the letters of choice, the same on every page.

{ // classic scripts share their names
  const KEY = "vd-notation";
  const remembered = () => { try { return localStorage.getItem(KEY) ?? ""; } catch { return ""; } };
  const remember = name => { try { localStorage.setItem(KEY, name); } catch { /* the choice then ends with the page */ } };

  const cards = [...document.querySelectorAll("fieldset.vd-notation")].map(choice => {
    const body = choice.parentElement;
    const own = [...body.children].filter(child => child.matches("vd-formula.vd-display"));
    const shown = new Map(); // notation -> [what is told about it, its formulas], made when first wanted
    for (const section of body.querySelectorAll("section[data-notation]")) shown.set(section.dataset.notation, section);
    return { choice, own, shown, extra: [] };
  });

  // A translation takes the place of the author's formulas; what the folded list holds stays there.
  const show = (card, name) => {
    const section = card.shown.get(name);
    for (const node of card.extra) node.remove();
    card.extra = [];
    const put = (node, after) => {
      const copy = node.cloneNode(true);
      copy.dataset.notation = name;
      after.after(copy);
      card.extra.push(copy);
    };
    if (section) {
      put(section.querySelector(".vd-letters"), card.choice);
      const formulas = [...section.children].filter(child => child.matches("vd-formula.vd-display"));
      formulas.forEach((formula, place) => put(formula, card.own[place]));
    }
    for (const formula of card.own) formula.hidden = Boolean(section);
    const chosen = [...card.choice.elements].find(input => input.value === (section ? name : ""));
    if (chosen) chosen.checked = true;
  };

  const showAll = name => {
    for (const card of cards) show(card, name);
    dispatchEvent(new Event("resize")); // what is too wide scrolls by keyboard, see book.js
  };

  for (const card of cards) {
    card.choice.hidden = false;
    card.choice.addEventListener("change", event => {
      const before = card.choice.getBoundingClientRect().top;
      remember(event.target.value);
      showAll(event.target.value);
      scrollBy({ top: card.choice.getBoundingClientRect().top - before, behavior: "instant" }); // cards above change too
    });
  }
  addEventListener("storage", event => { if (event.key === KEY) showAll(remembered()); });
  if (remembered()) showAll(remembered());
}
