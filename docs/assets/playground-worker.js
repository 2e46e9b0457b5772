// Runs Python beside the page: loads it on the first message, then judges one text after the other. A module worker.
let session;

const say = message => self.postMessage(message);

async function bytes(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${answer.status} ${url}`);
  return answer.arrayBuffer();
}

// Python, the archives of libraries and prover, and their modules. The archives are fetched while Python starts.
async function start({ language, pyodide, folder }) {
  say({ kind: "loading", phase: "python", part: 5 });
  const { archives } = JSON.parse(new TextDecoder().decode(await bytes(`${folder}/runtime.json`)));
  const fetched = archives.map(name => bytes(`${folder}/${name}`));
  const { loadPyodide } = await import(`${pyodide}/pyodide.mjs`);
  const python = await loadPyodide({ indexURL: `${pyodide}/` });
  say({ kind: "loading", phase: "archives", part: 35 });
  for (const archive of await Promise.all(fetched)) python.unpackArchive(archive, "zip", { extractDir: "/lib/verify" });
  python.pyimport("sys").path.append("/lib/verify");
  const verify = python.pyimport("verify.playground");
  verify.load(count => say({ kind: "loading", phase: "modules", part: 40 + 55 * count / (count + 250), count }));
  return verify.Playground(language);
}

self.onmessage = async ({ data }) => {
  try {
    session ??= start(data);
    const ready = await session;
    say({ kind: "judging", number: data.number });
    const found = ready.judge_json(data.text, (line, verdict) => say({ kind: "step", number: data.number, line, verdict }));
    say({ kind: "judged", number: data.number, found: JSON.parse(found) });
  } catch (error) {
    say({ kind: "failed", number: data.number, network: !(error.name === "PythonError"), message: String(error.message ?? error) });
  }
};
