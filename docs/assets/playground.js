// The playground: an editor, a worker that judges what is in it, links that carry a text. Python is loaded on the first Run.
const Playground = (() => {
  const PAUSE = 250; // ms without a key before an edit is judged

  // ---- a text in a link: #text= and base64url of its UTF-8. What is not that is refused, never guessed.
  const encode = text => {
    let binary = "";
    for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
    return `#text=${btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
  };
  const decode = (fragment, most) => {
    const body = fragment.replace(/^#text=/, "");
    if (body.length > 6 * most || body.length % 4 === 1 || !/^[\w-]*$/.test(body)) return null;
    try {
      const binary = atob(body.replaceAll("-", "+").replaceAll("_", "/"));
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(binary, character => character.charCodeAt(0)));
      return text.length <= most ? text : null;
    } catch (error) {
      if (error instanceof TypeError || error instanceof DOMException) return null; // no UTF-8, no base64
      throw error;
    }
  };

  const open = (root, data) => {
    const field = name => root.querySelector(`[name=${name}]`), at = name => root.querySelector(name);
    const text = field("text"), state = at("#vd-play-state"), bar = at("progress"), shown = at(".vd-play-shown");
    const { whole, sofar, say } = PlaygroundCard.show(data);
    const url = path => new URL(path, document.baseURI).href;
    let worker = null, number = 0, running = false, ready = false, judged = null, steps = [], timer, later;

    const tell = (sentence, kind = "") => { state.textContent = sentence; state.dataset.kind = kind; };
    const rest = () => {
      clearTimeout(timer);
      running = false;
      bar.hidden = true;
      field("stop").disabled = true;
      field("run").disabled = false;
      root.removeAttribute("aria-busy");
    };
    const fill = content => {
      at(".vd-play-sofar").replaceChildren();
      shown.replaceChildren(content);
      dispatchEvent(new Event("resize")); // book.js then makes what scrolls reachable by keyboard
    };
    const preview = () => { judged = null; fill(PlaygroundCard.typed(text.value)); };

    // ---- running
    const drop = () => { worker?.terminate(); worker = null; ready = false; };
    const stop = sentence => { drop(); rest(); tell(sentence, "stopped"); };
    const refusal = () => !text.value.trim() ? say("empty")
      : text.value.length > data.limits.characters ? say("too-long", text.value.length.toLocaleString("en"), data.limits.characters.toLocaleString("en"))
      : location.protocol === "file:" ? say("needs-server") : "";

    const heard = {
      loading({ phase, part, count }) {
        bar.hidden = false;
        bar.value = part;
        tell(say(`loading.${phase}`, count));
      },
      judging() {
        ready = true;
        bar.hidden = true;
        tell(say("judging"));
        timer = setTimeout(() => stop(say("too-slow", data.limits.seconds)), data.limits.seconds * 1000);
      },
      step({ line, verdict }) {
        steps.push({ line, verdict });
        at(".vd-play-sofar").replaceChildren(...sofar(steps));
        tell(say("judged-so-far", steps.length));
      },
      judged({ found }) {
        rest();
        const opened = [...shown.querySelectorAll(".vd-steps details")].map(part => part.open);
        fill(whole(found));
        if (judged !== null) [...shown.querySelectorAll(".vd-steps details")].forEach((part, place) => { part.open ||= opened[place]; });
        judged = text.value;
        tell(say("judged", found.seconds.toFixed(2)), "judged");
        if (field("follow").checked && number && text.value !== heard.asked) run();
      },
      failed({ network, message }) { stop(say(network ? "not-loaded" : "failed", message.trim().split("\n").at(-1))); },
    };

    const run = () => {
      const refused = refusal();
      if (refused) return tell(refused, "stopped");
      if (running) return;
      clearTimeout(later); // what was typed last is judged now; shown as typed, it would cover the answer
      running = true;
      steps = [];
      number += 1;
      heard.asked = text.value;
      field("stop").disabled = false;
      field("run").disabled = true;
      root.setAttribute("aria-busy", "true");
      if (!worker) {
        worker = new Worker(url(data.worker), { type: "module" });
        worker.onmessage = ({ data: message }) => { if (message.number === undefined || message.number === number) heard[message.kind](message); };
        worker.onerror = event => stop(say("not-loaded", event.message ?? data.worker));
      }
      worker.postMessage({ number, text: text.value, language: data.language, pyodide: url(data.pyodide), folder: url(data.folder) });
    };

    // ---- the text
    const put = value => { text.value = value; preview(); if (!running) tell(say("idle")); };
    const edited = () => {
      clearTimeout(later);
      later = setTimeout(() => {
        if (!ready) preview();
        if (ready && !running && field("follow").checked) run();
        else if (ready && !field("follow").checked) preview();
      }, PAUSE);
    };
    const select = ({ line, column, width }) => {
      const start = text.value.split("\n").slice(0, line - 1).reduce((sum, row) => sum + row.length + 1, 0) + Number(column) - 1;
      text.focus();
      text.setSelectionRange(start, start + Math.max(1, Number(width) || 0));
      text.scrollTop = Math.max(0, (line - 4) * text.scrollHeight / text.value.split("\n").length);
    };

    // ---- sharing
    const copy = async value => { if (navigator.clipboard) await navigator.clipboard.writeText(value).catch(() => null); };
    const share = () => {
      history.replaceState(null, "", encode(text.value));
      field("link").value = location.href;
      at(".vd-play-link").hidden = false;
      copy(location.href);
      tell(say("shared"));
    };
    const contribute = () => {
      const place = at("#vd-play-contribution"), id = /^\/\/\/\s*claim\s*\|\s*(\S+)/m.exec(text.value)?.[1] ?? "topic.name";
      at(".vd-play-block").textContent = text.value;
      at(".vd-play-file").textContent = `verify/theory/${id.split(".")[0]}/claims.md`;
      at(".vd-play-id").textContent = id;
      place.hidden = !place.hidden;
      field("contribute").setAttribute("aria-expanded", String(!place.hidden));
      if (!place.hidden) place.focus();
    };

    // ---- where the first text comes from: a link, a claim of the site, an example
    const claim = async id => {
      if (!data.claims.includes(id)) return tell(say("no-such-claim", id.slice(0, 80)), "stopped");
      if (location.protocol === "file:") return tell(say("needs-server"), "stopped");
      const answer = await fetch(url(`${data.folder}/claims/${id.split(".")[0]}.json`)).catch(() => null);
      if (!answer?.ok) return tell(say("not-loaded", id), "stopped");
      put((await answer.json())[id]);
    };
    const first = () => {
      const id = new URLSearchParams(location.search).get("id");
      const carried = location.hash.startsWith("#text=") ? decode(location.hash, data.limits.characters) : undefined;
      put(carried ?? data.examples.wrong ?? Object.values(data.examples)[0] ?? "");
      if (carried === null) tell(say("bad-link"), "stopped");
      else if (carried === undefined && id !== null) claim(id);
    };

    at("form").addEventListener("submit", event => { event.preventDefault(); run(); });
    field("stop").addEventListener("click", () => stop(say("stopped")));
    field("share").addEventListener("click", share);
    field("contribute").addEventListener("click", contribute);
    field("copy").addEventListener("click", () => { copy(text.value); tell(say("copied")); });
    field("example").addEventListener("change", ({ target }) => { if (target.value) { put(data.examples[target.value]); edited(); } });
    text.addEventListener("input", edited);
    text.addEventListener("keydown", event => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); run(); } });
    at(".vd-play-result").addEventListener("click", event => { const button = event.target.closest(".vd-play-goto"); if (button) select(button.dataset); });
    addEventListener("hashchange", () => { if (location.hash.startsWith("#text=")) first(); });
    root.hidden = false;
    first();
  };

  const root = document.getElementById("vd-play");
  if (root) open(root, JSON.parse(document.getElementById("vd-play-data").textContent));
  return { encode, decode };
})();
