// Ties an explorer's form, its pictures and the address together; the only file of the explorers that knows a document.
// The address keeps what differs from the first settings, as #name=value&...; of a stranger's address only names of the
// form's own fields count, with a value that the form could have: one of the options, or a number within the bounds.
(own => {
  "use strict";

  const differs = field => field.options
    ? !field.options[field.selectedIndex].defaultSelected : Number(field.value) !== Number(field.defaultValue);

  const accept = (field, value) => {
    if (field.options) {
      if ([...field.options].some(option => option.value === value)) field.value = value;
    } else if (value.trim() && Number.isFinite(Number(value))) {
      field.value = Number(value); // the browser moves it to the nearest step within the bounds
    }
  };

  for (const root of document.querySelectorAll("[data-explorer]")) {
    const form = root.querySelector("form"), stage = root.querySelector("[data-stage]");
    const view = own.views[root.dataset.explorer], words = JSON.parse(root.dataset.words);
    const fields = [...form.querySelectorAll("[name]")];
    const play = form.querySelector("[data-play]");
    let waiting = 0, playing = 0;

    const draw = () => {
      waiting = 0;
      const settings = Object.fromEntries(fields.map(field => [field.name, field.options ? field.value : field.valueAsNumber]));
      for (const field of fields) {
        if (field.nextElementSibling?.matches("output")) field.nextElementSibling.value = String(settings[field.name]).replace("-", "−");
      }
      stage.replaceChildren(own.figure.toNode(own.figure.page(view(settings, words))));
      dispatchEvent(new Event("resize")); // book.js: what is wider than the page scrolls by keyboard
    };
    const later = () => { waiting ||= requestAnimationFrame(draw); };

    const write = () => {
      const kept = new URLSearchParams(fields.filter(differs).map(field => [field.name, field.value])).toString();
      history.replaceState(history.state, "", kept ? `#${kept}` : location.pathname + location.search);
    };
    const read = () => {
      const asked = new URLSearchParams(location.hash.slice(1));
      const known = fields.filter(field => asked.has(field.name));
      for (const field of known) accept(field, asked.get(field.name));
      return known.length > 0;
    };

    // A press moves the field from its low end to its high one in some seconds, a second press stops it.
    const halt = () => {
      clearInterval(playing);
      playing = 0;
      play.textContent = play.dataset.start;
    };
    const start = () => {
      const field = form.elements[play.dataset.play], stride = (field.max - field.min) / 40;
      if (Number(field.value) >= Number(field.max)) field.value = field.min;
      play.textContent = play.dataset.stop;
      playing = setInterval(() => {
        field.value = Number(field.value) + Math.max(stride, Number(field.step));
        later();
        if (Number(field.value) >= Number(field.max)) { halt(); write(); }
      }, 120);
    };
    if (play) {
      play.dataset.start = play.textContent;
      play.hidden = matchMedia("(prefers-reduced-motion: reduce)").matches; // the field itself moves it step by step
      play.addEventListener("click", () => playing ? halt() : start());
    }

    form.addEventListener("input", later);
    form.addEventListener("change", write);
    form.addEventListener("submit", event => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(() => { if (playing) halt(); write(); later(); }));
    addEventListener("hashchange", () => { if (read()) later(); });
    if (read()) draw();
  }
})(globalThis.explorers ??= {});
