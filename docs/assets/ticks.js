// The ticks of a learning path. They stay in this browser; where it keeps nothing they last as long as the page.

const KEY = "verified-diffusion-ticks";

const store = (() => {
  let held = [];
  const kept = () => { // a browser may forbid storage, and others may have written there
    try {
      const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
      return Array.isArray(found) ? found : [];
    } catch {
      return held;
    }
  };
  const keep = ticks => {
    held = ticks;
    try { localStorage.setItem(KEY, JSON.stringify(ticks)); } catch { /* held for this page alone */ }
  };
  return {kept, keep};
})();

for (const path of document.querySelectorAll("[data-path]")) {
  const steps = [...path.querySelectorAll("[data-step]")];
  const shown = path.querySelector("[data-progress]"), bar = shown.querySelector("progress"), count = shown.querySelector("output");
  const box = step => step.querySelector("input[type=checkbox]");
  const minutes = chosen => chosen.reduce((sum, step) => sum + Number(step.dataset.minutes), 0);
  const show = () => {
    const ticks = new Set(store.kept());
    for (const step of steps) box(step).checked = ticks.has(step.dataset.step);
    const done = steps.filter(step => box(step).checked);
    bar.value = minutes(done);
    count.value = count.dataset.pattern.replace("{0}", done.length).replace("{1}", steps.length)
      .replace("{2}", minutes(steps) - minutes(done));
  };
  for (const step of steps) {
    box(step).parentElement.hidden = false;
    box(step).addEventListener("change", () => {
      const ticks = new Set(store.kept());
      if (box(step).checked) ticks.add(step.dataset.step); else ticks.delete(step.dataset.step);
      store.keep([...ticks]);
      show();
    });
  }
  shown.querySelector("[data-clear]").addEventListener("click", () => {
    const mine = new Set(steps.map(step => step.dataset.step));
    store.keep(store.kept().filter(tick => !mine.has(tick)));
    show();
  });
  addEventListener("storage", show); // ticked in another window
  shown.hidden = false;
  show();
}
