// What the playground shows: a text as it is typed, and the verdicts on it. Every text of the reader enters the page as
// a text node, or through KaTeX, which makes its own nodes; nothing is ever parsed as HTML.
const PlaygroundCard = (() => {
  const MAX_FORMULA = 10_000; // characters that KaTeX is asked to set

  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value);
    made.append(...children.filter(child => child !== undefined && child !== ""));
    return made;
  };

  // The rules under which the site itself sets formulas: only our own mark may be coloured. LaTeX that KaTeX cannot
  // set is shown as it was typed.
  const trust = context => context.command === "\\htmlClass" && /^vd-mark vd-[a-z]+$/.test(context.class);
  const formula = (tex, display = false) => {
    const place = element("vd-formula", { class: display ? "vd-display" : "vd-inline" });
    const plain = reason => { place.replaceChildren(element("code", { class: "vd-play-tex", title: reason }, tex.trim())); };
    if (typeof katex === "undefined" || tex.length > MAX_FORMULA) plain("");
    else {
      try {
        katex.render(tex.trim(), place, { displayMode: display, throwOnError: true, trust, maxExpand: 200, maxSize: 20,
          strict: code => code === "htmlExtension" ? "ignore" : "error" });
      } catch (error) {
        if (!(error instanceof katex.ParseError || error instanceof RangeError)) throw error;
        plain(error.message);
      }
    }
    return place;
  };

  // Text with its $formulas$ set.
  const prose = text => text.split(/\$([^$]+)\$/).map((part, place) => place % 2 ? formula(part) : part).filter(part => part !== "");

  // A Markdown file with claims, roughly as the site shows it. It only has to show what was typed; Python reads it.
  const typed = text => {
    const made = document.createDocumentFragment();
    text.split(/\$\$([\s\S]*?)\$\$/).forEach((part, place) => {
      if (place % 2) return made.append(formula(part, true));
      for (const line of part.split("\n")) {
        const option = /^ {4}([a-z-]+):\s*(.*)$/.exec(line);
        if (option) { if (option[1] === "title") made.append(element("h3", {}, option[2])); }
        else if (/^\s*[-*] /.test(line)) made.append(element("p", { class: "vd-play-item" }, ...prose(line.replace(/^\s*[-*] /, ""))));
        else if (line.trim() && !line.startsWith("///")) made.append(element("p", {}, ...prose(line)));
      }
    });
    return made;
  };

  const show = data => {
    const { words, signs } = data;
    const say = (key, ...values) => words[key].replace(/\{(\d)\}/g, (_, place) => values[place]);
    const badge = verdict => element("span", { class: `vd-badge vd-${verdict}` },
      element("span", { class: "vd-sign", "aria-hidden": "true" }, signs[verdict] ?? "·"), ` ${words[verdict] ?? verdict}`);
    const label = text => element("span", { class: "vd-label" }, text);
    const list = (kind, pairs) => pairs.length
      ? element("dl", { class: kind }, ...pairs.flatMap(([name, ...values]) => [element("dt", {}, name), element("dd", {}, ...values)])) : "";
    const goto = (line, column, text, width = 0) => element("button",
      { type: "button", class: "vd-play-goto", "data-line": line, "data-column": column, "data-width": width }, text);

    const found = judged => {
      const witness = judged.witness ?? {};
      const point = Object.entries(witness.point ?? {}).flatMap(([name, value], place) =>
        [place ? ", " : "", element("span", { class: "vd-at" }, element("code", {}, name), " = ", element("code", {}, value))]);
      const sides = ["left", "right", "difference"].filter(part => witness[part] !== undefined);
      return [
        list("vd-witness", [...point.length ? [[words.counterexample, ...point.filter(part => part !== "")]] : [],
          ...sides.map(part => [words[part], element("code", {}, String(witness[part]))])]),
        judged.hint ? element("p", {}, label(words.hint), " ", ...prose(judged.hint)) : "",
        judged.why ? element("p", {}, label(words.why), " ", ...prose(judged.why)) : "",
      ];
    };

    const route = judged => element("div", { class: "vd-route" },
      element("p", {}, `${words[judged.route]}: `, badge(judged.verdict), judged.method ? element("span", { class: "vd-note" }, ` ${judged.method}`) : ""),
      list("vd-certificate", Object.entries(judged.certificate).filter(([, lines]) => lines.length)
        .map(([part, lines]) => [words[part] ?? part, ...lines.map(line => element("code", {}, line))])),
      ...found(judged));

    const step = judged => {
      const parts = element("details", judged.verdict === "refuted" ? { open: "" } : {},
        element("summary", {}, badge(judged.verdict), element("span", { class: "vd-reason" }, ...prose(judged.reason))),
        element("p", {}, goto(judged.line, 1, say("goto", say("line", judged.line)))),
        element("p", { class: "vd-label" }, words.as_read), formula(judged.read, true), ...judged.routes.map(route));
      return element("li", { class: `vd-step vd-${judged.verdict}`, value: judged.number }, parts);
    };

    const mistake = judged => element("div", { class: "vd-mistake" },
      element("p", {}, badge(judged.verdict), " ", element("strong", {}, ...prose(judged.title))), formula(judged.latex, true), ...found(judged));

    const covered = name => ({ any: words.every, scalar: words.scalar })[name] ?? `d = ${name}`;
    const rests = id => data.claims.includes(id)
      ? element("a", { class: "vd-id", href: new URL(`claims/${id.split(".")[0]}.html#${id}`, new URL(data.home, document.baseURI)) }, id)
      : element("span", { class: "vd-id" }, id);

    // Where to look first: the step that is wrong may stand far below.
    const firstWrong = judged => {
      const step = judged.chains.flatMap(chain => chain.steps).find(one => one.verdict === "refuted");
      return step ? goto(step.line, 1, say("first-wrong", say("line", step.line))) : "";
    };

    const claim = judged => element("section", { class: `vd-card vd-${judged.verdict}`, "data-claim": judged.id },
      element("h3", { class: "vd-title" }, ...prose(judged.title)),
      element("div", { class: "vd-line" }, element("span", { class: "vd-id" }, judged.id), badge(judged.verdict),
        judged.dimensions ? element("span", { class: "vd-note" }, covered(judged.dimensions)) : "", firstWrong(judged)),
      judged.why ? element("p", {}, ...prose(judged.why)) : "", judged.assumed ? element("p", {}, ...prose(judged.assumed)) : "",
      ...judged.chains.flatMap(chain => [formula(chain.latex, true), element("ol", { class: "vd-steps" }, ...chain.steps.map(step))]),
      judged.mistakes.length ? element("p", { class: "vd-label" }, words.mistakes) : "", ...judged.mistakes.map(mistake),
      ...judged.definitions.map(said => element("p", { class: "vd-note" }, ...prose(said))),
      judged.rests.length ? element("p", {}, label(words.rests), " ", ...judged.rests.flatMap(id => [rests(id), " "])) : "");

    // The line and a caret under what could not be read; long lines are cut around it.
    const error = wrong => {
      const from = Math.max(0, Math.min(wrong.column - 40, wrong.source.length - 80));
      const text = wrong.source.slice(from, from + 80), before = [...text.slice(0, wrong.column - 1 - from)];
      const pad = before.map(character => /[ᄀ-ￜ]/u.test(character) ? "　" : " ").join("");
      const caret = "^".repeat(Math.max(1, Math.min(wrong.width, text.length - before.length)));
      return element("div", { class: "vd-play-error" },
        element("p", {}, element("strong", {}, wrong.message)),
        wrong.source.trim() ? element("pre", { tabindex: "0" }, `${text}\n${pad}`, element("span", { class: "vd-play-caret" }, caret)) : "",
        wrong.suggestion ? element("p", {}, label(words.help), " ", element("code", {}, wrong.suggestion)) : "",
        wrong.line ? element("p", {}, goto(wrong.line, wrong.column, say("goto", say("place", wrong.line, wrong.column)), wrong.width)) : "");
    };

    const whole = judged => {
      const made = document.createDocumentFragment();
      if (judged.errors.length) made.append(element("h3", {}, words.errors), ...judged.errors.map(error));
      if (judged.faults.length) made.append(element("h3", {}, words.fault), ...judged.faults.map(text => element("pre", { tabindex: "0" }, text)));
      made.append(...judged.claims.map(claim));
      if (!judged.claims.length && !judged.errors.length && !judged.faults.length) made.append(element("p", {}, words["no-claim"]));
      return made;
    };

    // Steps that are judged while others are not yet: line and verdict.
    const sofar = steps => steps.map(({ line, verdict }) => element("li", {}, badge(verdict), " ", goto(line, 1, say("line", line))));

    return { whole, sofar, say };
  };

  return { typed, show };
})();
